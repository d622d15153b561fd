/** Logs of sites whose disk is full, or whose syslog is dead or hangs: requests go on, memory stays, and lines go on when they can. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../../support/free-port.ts'
import { until } from '../../support/server.ts'
import { inDirectory, onSmallDisk } from '../disk.ts'
import { anonymousMegabytes, LIVE_MEMORY } from '../memory.ts'
import type { Report, Scenario } from '../scenario.ts'
import { gatewayThreads, onStage, type Stage } from '../stage.ts'

const DISK_BYTES = 1024 * 1024
const FULL_TIMES = 3
const LOGS = ['one', 'two', 'three'] as const
/** So many answers while a disk is full: more than the lines that fit into the last page of each file. */
const WHILE_FULL = 500
/** Of JSON, so that a line that is not whole is seen. */
const FULL = /error .*log (\w+): .*ENOSPC/

export const SITE_LOGS: readonly Scenario[] = [
  { name: 'full-disk-logs', fault: `a full disk under ${LOGS.length} logs of a site`, run: fullDisk },
  { name: 'dead-syslog', fault: 'syslogs that are dead, and some that take nothing', run: deadSyslogs },
]

function fullDisk(report: Report): Promise<void> {
  return onSmallDisk(DISK_BYTES, async (disk, directory) => {
    const file = join(directory, 'sites.toml')
    const tables = LOGS.map(name => `[[log]]\nname = "${name}"\nfile = "${pathOf(disk, name)}"\nformat = "json"\n`)
    writeFileSync(
      file,
      `${tables.join('')}[[site]]\nlogs = ${JSON.stringify(LOGS)}\nlocations = [{ match = "/", app = "default" }]\n`,
    )
    await onStage(report, { interface: 'wsgi', args: ['-c', file] }, stage => fillDisk(stage, disk))
  })
}

const pathOf = (disk: string, name: string) => join(disk, `${name}.log`)

async function fillDisk(stage: Stage, disk: string): Promise<void> {
  const { report, server } = stage
  const filler = join(disk, 'filler')
  for (let time = 1; time <= FULL_TIMES; time++) {
    report.progress(`full ${time} of ${FULL_TIMES}`)
    fill(filler)
    for (const name of LOGS)
      await until(
        () => stage.logged(new RegExp(`error .*log ${name}: .*ENOSPC`)) >= time,
        () => `the log does not say that log ${name} is full`,
      )
    await stage.untilServing(WHILE_FULL)
    rmSync(filler)
    const sizes = LOGS.map(name => statSync(pathOf(disk, name)).size)
    await until(
      () => LOGS.every((name, i) => statSync(pathOf(disk, name)).size > sizes[i]!),
      () => 'nothing is written although there is room again',
    )
    for (const name of LOGS) await server.waitForLog(new RegExp(`log ${name}: \\d+ lines dropped`))
  }
  const told = stage.logged(FULL)
  report.injectedAs(told, FULL_TIMES * LOGS.length, 'lines of the log')
  // Each thread writes lines of its own.
  const most = FULL_TIMES * LOGS.length * gatewayThreads()
  report.expect(told <= most, `the log says ${told} times that a log is full, and ${most} are enough`)
  for (const name of LOGS) {
    const lines = readFileSync(pathOf(disk, name), 'utf8').split('\n').slice(0, -1)
    const broken = lines.filter(line => !isRecord(line))
    report.note(`log ${name} has ${lines.length} lines, of which ${broken.length} are cut`)
    // A line in the middle of which the disk was full may be cut by another thread, and that one's with it.
    const most = gatewayThreads() === 1 ? 0 : FULL_TIMES * gatewayThreads()
    report.expect(broken.length <= most, `log ${name}: ${broken.length} lines are no JSON, such as ${broken[0]}`)
  }
}

function fill(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(DISK_BYTES))
  } catch (error) {
    // As much as there was room for.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

function isRecord(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

/** A line is so long that a few thousand of them are more than any sender may keep. */
const LINE = 'x'.repeat(2000)
/** Of each thread: the first as many fill what senders and kernel keep. */
const ANSWERS = 5000
/** Of each thread: two senders keep 2 MiB, two 1 MiB, each as strings and buffers. */
const MOST_GROWTH_MB = 30

async function deadSyslogs(report: Report): Promise<void> {
  await inDirectory(async directory => {
    const hanging = await Hanging.start(directory)
    try {
      const dead = await freePort()
      const addresses = {
        'dead-udp': `udp://127.0.0.1:${dead}`,
        'dead-tcp': `tcp://127.0.0.1:${dead}`,
        'dead-unix': `unix://${join(directory, 'dead.sock')}`,
        'hanging-udp': `udp://127.0.0.1:${hanging.udpPort}`,
        'hanging-tcp': `tcp://127.0.0.1:${hanging.tcpPort}`,
        'hanging-unix': `unix://${hanging.unixPath}`,
      }
      const tables = Object.entries(addresses).map(
        ([name, address]) => `[[log]]\nname = "${name}"\nsyslog = "${address}"\nformat = "$request_uri ${LINE}"\n`,
      )
      const file = join(directory, 'sites.toml')
      writeFileSync(
        file,
        `${tables.join('')}[[site]]
logs = ${JSON.stringify([...Object.keys(addresses), 'access'])}
locations = [{ match = "/", app = "default" }]
`,
      )
      const args = ['-c', file, '--syslog', addresses['hanging-tcp'], '--syslog-requests']
      const load = { kinds: ['get', 'post'], pauseMs: 1 } as const
      await onStage(report, { interface: 'asgi', args, env: LIVE_MEMORY, load }, stage =>
        flood(stage, Object.keys(addresses), hanging, dead),
      )
    } finally {
      await hanging.stop()
    }
  })
}

async function flood(stage: Stage, names: readonly string[], hanging: Hanging, dead: number): Promise<void> {
  const { server, report } = stage
  const gateway = server.gateway().pid
  // What a sender may keep is full after some of it; from then on nothing grows.
  const answers = ANSWERS * gatewayThreads()
  await stage.untilServing(answers)
  const before = anonymousMegabytes([gateway])
  await stage.untilServing(answers)
  const after = anonymousMegabytes([gateway])
  report.note(`the gateway had ${before.toFixed(0)} MB, and ${after.toFixed(0)} MB after ${answers} requests more`)
  report.expect(
    after - before < MOST_GROWTH_MB * gatewayThreads(),
    `the gateway has grown by ${(after - before).toFixed(0)} MB`,
  )
  // Datagrams to a server that reads nothing are lost in its kernel, which nobody hears of.
  const heard = names.filter(name => name !== 'hanging-udp')
  for (const name of heard) {
    const told = stage.logged(new RegExp(`warn .*log ${name}: .*told once`))
    report.injectedAs(told, 1, `lines about ${name}`)
    report.expect(told <= gatewayThreads(), `the log speaks ${told} times of ${name}`)
  }
  report.progress('the dead ones come back')
  const lines = await listen(dead)
  try {
    await until(
      () => lines.tcp > 0,
      () => 'syslog over TCP gets no line after it has come back',
    )
    await until(
      () => lines.udp > 0,
      () => 'syslog over UDP gets no line after it has come back',
    )
  } finally {
    lines.stop()
  }
  await hanging.readOn()
  await until(
    () => hanging.tcpBytes > 0,
    () => 'syslog over TCP gets nothing after it has gone on',
  )
}

async function listen(port: number) {
  const got = { tcp: 0, udp: 0, stop: () => {} }
  const udp = createSocket('udp4').on('message', () => got.udp++)
  const sockets = new Set<Socket>()
  const tcp = createServer(socket => {
    sockets.add(socket)
    socket.on('data', () => got.tcp++).on('error', () => {})
  })
  udp.bind(port, '127.0.0.1')
  tcp.listen(port, '127.0.0.1')
  await Promise.all([once(udp, 'listening'), once(tcp, 'listening')])
  got.stop = () => {
    udp.close()
    tcp.close()
    for (const socket of sockets) socket.destroy()
  }
  return got
}

/** Node binds no Unix datagrams. */
const BIND = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); t.bind(("127.0.0.1", 0))
print(t.getsockname()[1], flush=True)
sys.stdin.read()
`

/** Servers of syslog that are there, and take nothing. */
class Hanging {
  readonly unixPath: string
  readonly udpPort: number
  readonly tcpPort: number
  tcpBytes = 0
  readonly #binder: ChildProcess
  readonly #tcp: ReturnType<typeof createServer>
  readonly #sockets: Socket[]

  private constructor(
    unixPath: string,
    udpPort: number,
    binder: ChildProcess,
    tcp: ReturnType<typeof createServer>,
    sockets: Socket[],
  ) {
    this.unixPath = unixPath
    this.udpPort = udpPort
    this.tcpPort = (tcp.address() as AddressInfo).port
    this.#binder = binder
    this.#tcp = tcp
    this.#sockets = sockets
  }

  static async start(directory: string): Promise<Hanging> {
    const path = join(directory, 'hanging.sock')
    const binder = spawn('python3', ['-c', BIND, path], { stdio: ['pipe', 'pipe', 'inherit'] })
    const [line] = await once(createInterface({ input: binder.stdout }), 'line')
    const sockets: Socket[] = []
    const tcp = createServer({ pauseOnConnect: true }, socket => sockets.push(socket.on('error', () => {})))
    tcp.listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    return new Hanging(path, Number(line), binder, tcp, sockets)
  }

  async readOn(): Promise<void> {
    for (const socket of this.#sockets)
      socket.on('data', (data: Buffer) => {
        this.tcpBytes += data.length
      })
    for (const socket of this.#sockets) socket.resume()
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#tcp.close()
    const exit = once(this.#binder, 'exit')
    this.#binder.kill('SIGKILL')
    await exit
  }
}
