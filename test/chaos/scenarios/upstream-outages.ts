/** All servers behind the program are away, or take a second for each byte: clients get an answer in time, and all is well when the servers are. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../support/server.ts'
import { connectTo } from '../../support/target.ts'
import { type Backend, groupOf, withBackends } from '../backend.ts'
import { anonymousMegabytes, LIVE_MEMORY } from '../memory.ts'
import type { Report, Scenario } from '../scenario.ts'
import { gatewayThreads, onStage, type Stage } from '../stage.ts'

const SERVERS = 3
const ROUNDS = 3
const FLAPPING_MS = 4000
/** Answers of 502 and 504 that show that all are away. */
const FAILED = 50

export const UPSTREAM_OUTAGES: readonly Scenario[] = [
  {
    name: 'upstream-all-down',
    fault: 'all servers behind are dead, silent, or flap',
    run: report => behind(report, SERVERS, { isFailure: ({ status }) => status === 502 || status === 504 }, loseAll),
  },
  {
    name: 'upstream-drips',
    fault: 'a server sends a byte a second, and reads no upload',
    run: report => behind(report, 1, {}, drip),
  },
]

type LoadOptions = NonNullable<Parameters<typeof onStage>[1]['load']>

function behind(
  report: Report,
  count: number,
  load: LoadOptions,
  act: (stage: Stage, backends: readonly Backend[]) => Promise<void>,
): Promise<void> {
  const configuration = (ports: readonly number[]) => `${groupOf(ports, 'fail-timeout=300ms')}
[[site]]
[[site.locations]]
match = "/"
proxy = "http://back"
proxy-read-timeout = "500ms"
proxy-connect-timeout = "500ms"
[[site.locations]]
match = "/slowly/"
proxy = "http://back"
proxy-read-timeout = "5s"
proxy-send-timeout = "5s"
`
  return withBackends(count, configuration, (file, backends) => {
    const options = {
      interface: 'asgi',
      args: ['-c', file],
      env: LIVE_MEMORY,
      load: { kinds: ['get', 'wait'], ...load },
    } as const
    return onStage(report, options, stage => act(stage, backends))
  })
}

async function loseAll(stage: Stage, backends: readonly Backend[]): Promise<void> {
  const { load, report } = stage
  const { counts } = load
  let injected = 0
  const outage = async (name: string, begin: (backend: Backend) => Promise<void>) => {
    report.progress(name)
    const before = counts.failed
    await Promise.all(backends.map(begin))
    await until(
      () => counts.failed >= before + FAILED,
      () => `only ${counts.failed - before} answers of 502 or 504 although all servers are ${name}`,
    )
    await Promise.all(backends.map(backend => backend.stop()))
    await Promise.all(backends.map(backend => backend.startAgain()))
    await untilNoneFails(stage)
    injected++
  }
  for (let round = 1; round <= ROUNDS; round++) {
    await outage('dead', backend => backend.stop())
    await outage('silent', backend => backend.replaceBy(() => {}))
  }
  report.progress('flapping')
  const end = performance.now() + FLAPPING_MS
  await Promise.all(
    backends.map(async backend => {
      while (performance.now() < end) {
        await backend.stop()
        // wait: it is away for a moment
        await sleep(Math.random() * 100)
        await backend.startAgain()
        // wait: and back for another
        await sleep(Math.random() * 100)
        injected++
      }
    }),
  )
  await untilNoneFails(stage)
  report.injectedAs(injected, 2 * ROUNDS + SERVERS, 'outages after which no request failed')
}

/** Those that were under way when the servers came back have ended, and none has failed since. */
async function untilNoneFails(stage: Stage): Promise<void> {
  const { counts } = stage.load
  await stage.untilServing()
  await until(
    async () => {
      const { failed } = counts
      await stage.untilServing(200)
      return counts.failed === failed
    },
    () => 'requests fail although all servers are back',
  )
}

const SLOW_CLIENTS = 100
const UPLOADS = 50
/** More than the kernel keeps of a connection. */
const UPLOAD = Buffer.alloc(20_000_000, 'u')
const PIECE = 65_536
const BYTES = 5
/** Of each thread: code that had not run before, and what is kept of the uploads, which is a hundredth of what the clients want to send. */
const MOST_GROWTH_MB = 80

async function drip(stage: Stage, [backend]: readonly Backend[]): Promise<void> {
  const { report, server } = stage
  const timers = new Set<NodeJS.Timeout>()
  backend!.answerWith(response => {
    const kind = response.req.url!.split('/')[2]
    if (!response.req.url!.startsWith('/slowly/')) backend!.answerAsUsual(response)
    else if (kind === 'content') timers.add(dripInto(response))
    // Else its content is never read, and it is never answered.
  })
  const gateway = server.gateway().pid
  await stage.untilServing(500)
  const before = anonymousMegabytes([gateway])
  const sockets: Socket[] = []
  const ask = (text: string) => {
    const socket = connectTo(server.target)
    socket.on('error', () => {})
    socket.write(text)
    sockets.push(socket)
    return socket
  }
  const contents = Array.from({ length: SLOW_CLIENTS }, (_, i) =>
    collect(ask(`GET /slowly/content/${i} HTTP/1.1\r\nHost: chaos\r\n\r\n`)),
  )
  const uploads = Array.from({ length: UPLOADS }, (_, i) => {
    const socket = ask(`POST /slowly/unread/${i} HTTP/1.1\r\nHost: chaos\r\nContent-Length: ${UPLOAD.length}\r\n\r\n`)
    send(socket, UPLOAD)
    return collect(socket)
  })
  report.progress('bytes drip')
  let most = before
  await until(
    () => {
      most = Math.max(most, anonymousMegabytes([gateway]))
      return contents.every(({ text }) => /\r\n\r\nd{5}/.test(text))
    },
    () => `only ${contents.filter(({ text }) => text.includes('\r\n\r\nd')).length} clients have a byte of what drips`,
  )
  await until(
    () => uploads.every(({ text }) => / 50[24] /.test(text)),
    () => `uploads that nobody reads are not answered: ${JSON.stringify(uploads.map(({ text }) => text.slice(0, 30)))}`,
  )
  for (const timer of timers) clearInterval(timer)
  for (const socket of sockets) socket.destroy()
  report.note(
    `the gateway had ${before.toFixed(0)} MB, and ${most.toFixed(0)} MB with ${UPLOADS} uploads of ${UPLOAD.length / 1e6} MB that nobody read`,
  )
  report.expect(
    most - before < MOST_GROWTH_MB * gatewayThreads(),
    `the gateway has grown by ${(most - before).toFixed(0)} MB`,
  )
  report.injectedAs(timers.size + uploads.length, SLOW_CLIENTS + UPLOADS, 'slow exchanges')
}

/** wait: a byte a second */
function dripInto(response: ServerResponse): NodeJS.Timeout {
  response.writeHead(200, { 'Content-Length': String(BYTES * 100) })
  response.write('d')
  const timer = setInterval(() => response.write('d'), 1000)
  response.once('close', () => clearInterval(timer))
  return timer
}

/** As much as the other side takes: over TLS, all of it at once would keep this process busy, which is the server, too. */
function send(socket: Socket, content: Buffer): void {
  let at = 0
  const more = () => {
    while (at < content.length && socket.write(content.subarray(at, at + PIECE))) at += PIECE
    at += PIECE
  }
  socket.on('drain', more)
  more()
}

function collect(socket: Socket): { text: string } {
  const got = { text: '' }
  socket.on('data', (data: Buffer) => {
    got.text += data.toString('latin1')
  })
  return got
}
