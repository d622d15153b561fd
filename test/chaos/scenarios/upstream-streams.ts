/** WebSockets and event streams through the program to one server, over reloads: none ends, and memory stays as it was. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import WebSocket, { WebSocketServer } from 'ws'
import { until } from '../../support/server.ts'
import { connectTo } from '../../support/target.ts'
import { anonymousMegabytes, LIVE_MEMORY } from '../memory.ts'
import type { Report, Scenario } from '../scenario.ts'
import { onStage, type Stage } from '../stage.ts'

/** Of each kind. */
const STREAMS = Number(process.env['CHAOS_UPSTREAM_STREAMS'] ?? 1000)
const RELOADS = Number(process.env['CHAOS_UPSTREAM_RELOADS'] ?? 6)
/** So many at once: more would wait in the listen queue. */
const AT_ONCE = 50
/** Heaps grow in steps. What a reload kept of all streams would be more. */
const MOST_GROWTH_MB = 15

export const UPSTREAM_STREAMS: readonly Scenario[] = [
  {
    name: 'upstream-streams',
    fault: `reloads under ${STREAMS} WebSockets, ${STREAMS} event streams`,
    run: reloadUnderStreams,
  },
]

async function reloadUnderStreams(report: Report): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'chaos-upstreams-'))
  const events = new Set<ServerResponse>()
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.write('data: 0\n\n')
    events.add(response)
    response.once('close', () => events.delete(response))
  })
  const sockets = new WebSocketServer({ server }).on('connection', socket =>
    socket.on('message', data => socket.send(String(data))).on('error', () => {}),
  )
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 })
  try {
    await until(
      () => server.listening,
      () => 'the server does not listen',
    )
    const file = join(directory, 'sites.toml')
    const { port } = server.address() as AddressInfo
    const configure = (keepalive: number) =>
      writeFileSync(
        file,
        `[[upstream]]
name = "back"
servers = ["127.0.0.1:${port}"]
keepalive = ${keepalive}
[[site]]
locations = [{ match = "/", app = "default" }, { match = "/streams/", proxy = "http://back" }]
`,
      )
    configure(100)
    const options = { interface: 'asgi', args: ['-c', file], env: LIVE_MEMORY } as const
    await onStage(report, options, stage => stream(stage, { configure, events }))
  } finally {
    sockets.close()
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Behind {
  /** Each number is another configuration of the servers. */
  readonly configure: (keepalive: number) => void
  readonly events: ReadonlySet<ServerResponse>
}

async function stream(stage: Stage, { configure, events }: Behind): Promise<void> {
  const { report, server } = stage
  const all: Stream[] = []
  while (all.length < 2 * STREAMS) {
    report.progress(`${all.length} of ${2 * STREAMS} streams`)
    const next = Array.from({ length: Math.min(AT_ONCE, 2 * STREAMS - all.length) }, (_, i) =>
      i % 2 === 0 ? new Talk(stage) : new Listening(stage),
    )
    await Promise.all(next.map(one => one.open))
    all.push(...next)
  }
  const gateway = server.gateway().pid
  const measures: number[] = []
  let turn = 0
  const exchange = async () => {
    turn++
    for (const response of events) response.write(`data: ${turn}\n\n`)
    for (const one of all) one.say(turn)
    await until(
      () => all.every(one => one.heard === turn),
      () => `${all.filter(one => one.heard !== turn).length} of ${all.length} streams do not hear turn ${turn}`,
    )
    measures.push(anonymousMegabytes([gateway]))
  }
  try {
    await exchange()
    await exchange()
    for (let reload = 1; reload <= RELOADS; reload++) {
      report.progress(`reload ${reload} of ${RELOADS}`)
      configure(100 + reload)
      server.signal('SIGHUP')
      await server.waitForLog(new RegExp(`generation ${reload + 1} serves`))
      await exchange()
      await stage.untilServing(200)
      await exchange()
    }
    report.expect(server.gateway().pid === gateway, 'a reload has replaced the gateway')
  } finally {
    for (const one of all) one.close()
  }
  const ended = all.filter(one => one.hasEnded).length
  report.expect(ended === 0, `${ended} streams have ended`)
  const [, before] = measures
  const after = measures.at(-1)!
  report.note(
    `${all.length} streams: the gateway had ${measures.map(one => one.toFixed(0)).join(', ')} MB, twice before and twice after each reload`,
  )
  report.expect(after - before! < MOST_GROWTH_MB, `the gateway has grown by ${(after - before!).toFixed(0)} MB`)
  report.injectedAs(RELOADS, RELOADS, 'reloads after which all streams went on')
}

interface Stream {
  readonly open: Promise<unknown>
  /** The last turn that has come. */
  readonly heard: number
  /** By the other side. */
  readonly hasEnded: boolean
  say(turn: number): void
  close(): void
}

/** A WebSocket: what it says comes back. */
class Talk implements Stream {
  readonly open: Promise<unknown>
  heard = 0
  hasEnded = false
  readonly #socket: WebSocket
  #isOver = false

  constructor({ server: { target } }: Stage) {
    // Over whatever the load goes: TLS, a translator.
    this.#socket = new WebSocket('ws://chaos/streams/', {
      createConnection: () => connectTo(target),
      perMessageDeflate: false,
    })
    this.open = new Promise((resolve, reject) => this.#socket.once('open', resolve).once('error', reject))
    this.#socket.on('message', data => {
      this.heard = Number(String(data).split(' ')[0])
    })
    this.#socket
      .on('error', () => {})
      .on('close', () => {
        this.hasEnded ||= !this.#isOver
      })
  }

  say(turn: number): void {
    this.#socket.send(`${turn} ${randomBytes(20).toString('hex')}`)
  }

  close(): void {
    this.#isOver = true
    this.#socket.terminate()
  }
}

/** An event stream. */
class Listening implements Stream {
  readonly open: Promise<unknown>
  heard = 0
  hasEnded = false
  readonly #socket: Socket
  #isOver = false

  constructor({ server: { target } }: Stage) {
    this.#socket = connectTo(target)
    this.#socket.write('GET /streams/ HTTP/1.1\r\nHost: chaos\r\nAccept: text/event-stream\r\n\r\n')
    this.open = new Promise((resolve, reject) => this.#socket.once('data', resolve).once('error', reject))
    let rest = ''
    this.#socket.on('data', (data: Buffer) => {
      rest += data.toString('latin1')
      const end = rest.lastIndexOf('\n\n')
      if (end < 0) return
      this.heard = Number(rest.slice(rest.lastIndexOf(' ', end) + 1, end))
      rest = rest.slice(end + 2)
    })
    this.#socket
      .on('error', () => {})
      .on('close', () => {
        this.hasEnded ||= !this.#isOver
      })
  }

  say(): void {}

  close(): void {
    this.#isOver = true
    this.#socket.destroy()
  }
}
