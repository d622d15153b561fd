/** Servers behind the program that die, hang, flap and drip while clients ask through it: each answer is right, and no request is lost. */
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { withClient } from '../../support/raw-client.ts'
import { until } from '../../support/server.ts'
import { type Backend, groupOf, withBackends } from '../backend.ts'
import { noCounts } from '../load.ts'
import type { Report, Scenario } from '../scenario.ts'
import { onStage, type Stage } from '../stage.ts'

const SERVERS = 3
/** Of `upstream-marked`. */
const MARKED = Number(process.env['CHAOS_MARKED'] ?? 100_000)
const CLIENTS = 32
const ROUNDS = Number(process.env['CHAOS_UPSTREAM_ROUNDS'] ?? 4)

export const UPSTREAMS: readonly Scenario[] = [
  {
    name: 'upstream-servers',
    fault: `one of ${SERVERS} servers behind the program dies, hangs, says nothing, flaps, drips (ASGI)`,
    run: report =>
      withBackends(
        SERVERS,
        ports => `${groupOf(ports, 'fail-timeout=300ms')}
[[site]]
locations = [{ match = "/", proxy = "http://back", proxy-read-timeout = "500ms", proxy-connect-timeout = "500ms" }]
`,
        (file, backends) => {
          // A POST that a dead server may have had is not sent again: it would be no loss, and no answer either.
          const load = { kinds: ['get', 'wait'] } as const
          const options = { interface: 'asgi', args: ['-c', file], load } as const
          return onStage(report, options, stage => fail(stage, backends, report))
        },
      ),
  },
  {
    name: 'upstream-marked',
    fault: 'servers and clients that break off at random, over shared connections',
    run: report =>
      withBackends(
        2,
        ports => `${groupOf(ports, 'max-fails=0')}
keepalive = 8
[[site]]
locations = [{ match = "/", proxy = "http://back" }]
`,
        (file, backends) => {
          for (const backend of backends) backend.answerWith(answerMarked)
          const options = { interface: 'asgi', args: ['-c', file], hasLoad: false } as const
          return onStage(report, options, stage => mark(stage, report))
        },
      ),
  },
]

const textOf = (number: number) => `mark ${number} `.repeat(1 + (number % 50))

/** By the number in its path: as it should, half, early, or with the head of a response behind it. */
function answerMarked(response: ServerResponse): void {
  const number = Number(/\d+/.exec(response.req.url!)![0])
  const socket = response.socket!
  if (number % 41 === 0) {
    response.writeHead(200, { 'Content-Length': '100000' })
    response.write(`mark ${number} `)
    setImmediate(() => socket.destroy())
  } else if (number % 43 === 0) socket.destroy()
  else if (number % 47 === 0)
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`)
  else response.end(textOf(number))
}

async function mark(stage: Stage, report: Report): Promise<void> {
  let [next, whole, brokenOff, wrong] = [0, 0, 0, 0]
  const client = async () => {
    while (next < MARKED) {
      const numbers = Array.from({ length: 1 + (next % 4) }, () => next++)
      if (next % 1000 < 4) report.progress(`${next} of ${MARKED} requests`)
      await withClient(stage.server.target, async one => {
        one.send(numbers.map(number => `GET /${number} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
        for (const number of numbers) {
          if (number % 53 === 0) {
            brokenOff++
            return
          }
          const response = await one.response().catch(() => null)
          if (response === null) return
          const body = response.body.toString()
          const isRight = number % 47 === 0 ? body === 'ok' : body === textOf(number)
          if (response.status === 200 && !isRight) wrong++
          else if (response.status === 200) whole++
        }
      })
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  report.note(`${whole} of ${next} marked requests had their own response whole; ${brokenOff} clients left`)
  const counts = { ...noCounts(), sent: next, answered: whole, cut: next - whole - wrong, lost: wrong }
  report.add({ counts, problems: [] })
  report.expect(wrong === 0, `${wrong} requests had the response of another`)
  report.expect(whole > next * 0.8, `only ${whole} of ${next} requests had a response`)
  report.injectedAs(Math.min(brokenOff, 100), 100, 'clients that left, of which at least so many must')
}

const SLOWLY = 'HTTP/1.1 200 OK\r\nX-Slow: '

/** What a server does in place of answering. */
const FAULTS = {
  dies: backend => backend.stop(),
  hangs: backend => backend.answerWith(() => {}),
  'accepts in silence': backend => backend.replaceBy(() => {}),
  drips: backend =>
    backend.answerWith(response => {
      const socket = response.socket!
      let sent = 0
      const timer = setInterval(() => socket.write(SLOWLY[sent++] ?? 'x'), 200)
      socket.once('close', () => clearInterval(timer))
    }),
  flaps: async backend => {
    for (let i = 0; i < 5; i++) {
      await backend.stop()
      // wait: it is away for a moment
      await sleep(20)
      await backend.startAgain()
      // wait: and back for another
      await sleep(50)
    }
    await backend.stop()
  },
} as const satisfies Record<string, (backend: Backend) => Promise<void> | void>

async function fail(stage: Stage, backends: readonly Backend[], report: Report): Promise<void> {
  let injected = 0
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, act] of Object.entries(FAULTS)) {
      report.progress(`round ${round + 1} of ${ROUNDS}: a server ${name}`)
      const backend = backends[injected++ % SERVERS]!
      const from = stage.server.log.length
      await act(backend)
      await stage.server.waitForLog(
        new RegExp(`upstream back, 127\\.0\\.0\\.1:${backend.port}: .*another server is asked`),
        from,
      )
      await stage.untilServing()
      await backend.stop()
      await backend.startAgain()
      const before = backend.answered
      await until(
        () => backend.answered > before,
        () => `${backend.port} gets no requests any more`,
        20_000,
      )
    }
  report.injectedAs(injected, ROUNDS * Object.keys(FAULTS).length, 'servers that were asked again after their fault')
}
