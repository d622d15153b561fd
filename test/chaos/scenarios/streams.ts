/** New code, new programs and stops under clients of HTTP/2 with many streams: what GOAWAY promises, with and without `--http2`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer, until } from '../../support/server.ts'
import type { Report, Scenario } from '../scenario.ts'
import { KINDS_WITH_STREAMS, onStage, type Stage } from '../stage.ts'
import { StreamLoad } from '../streams.ts'
import { RELOADS } from './deploys.ts'

const UPGRADES = 5
const STOPS = 20
/** Answers before and after each fault: the load is at it. */
const ANSWERED = 100

const APPLICATION = `
def application(environ, start_response):
    name, identity = environ["PATH_INFO"].split("/")[1:3]
    content = f"{name} {identity}".encode()
    start_response("200 OK", [("Content-Length", str(len(content)))])
    return [content]
`

export const STREAMS: readonly Scenario[] = [
  {
    name: 'streams-deploys',
    fault: 'reloads and upgrades under streams of HTTP/2',
    run: report => onStage(report, { interface: 'wsgi', hasLoad: false }, deploy),
  },
  { name: 'streams-stops', fault: 'stops under streams of HTTP/2', run: stopOften },
]

async function deploy(stage: Stage): Promise<void> {
  const { server, report } = stage
  const load = new StreamLoad({ target: server.programTarget, sessions: 4, streams: 8, kinds: KINDS_WITH_STREAMS })
  try {
    await untilAnswered(load, server.log)
    for (let i = 1; i <= RELOADS; i++) {
      report.progress(`reload ${i} of ${RELOADS}`)
      server.signal('SIGHUP')
      await server.waitForLog(new RegExp(`generation ${i + 1} serves`))
    }
    for (let i = 1; i <= UPGRADES; i++) {
      report.progress(`upgrade ${i} of ${UPGRADES}`)
      const from = server.log.length
      server.signal('SIGUSR2')
      await server.upgraded(from)
      await untilAnswered(load, server.log)
    }
    await until(
      () => server.processes().length === 5,
      () => `processes of old programs are left: ${JSON.stringify(server.processes())}`,
    )
  } finally {
    await load.finish()
    report.add(load)
  }
  report.injectedAs(stage.logged(/generation \d+ serves; older workers/), RELOADS, 'reloads in the log')
  report.injectedAs(stage.logged(/ upgrade: process \d+ has taken over/), UPGRADES, 'upgrades in the log')
  noteOf(report, load.goneAway, load.again)
  report.expect(load.goneAway >= UPGRADES, `only ${load.goneAway} sessions were told to go away`)
}

async function stopOften(report: Report): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-chaos-'))
  try {
    writeFileSync(join(directory, 'app.py'), APPLICATION)
    let goneAway = 0
    let again = 0
    for (let stop = 1; stop <= STOPS; stop++) {
      report.progress(`stop ${stop} of ${STOPS}`)
      const server = await startServer({ app: 'app', directory, args: ['-w', '1'] })
      const load = new StreamLoad({ target: server.programTarget, sessions: 12, streams: 4, kinds: ['get'] })
      await untilAnswered(load, server.log)
      server.signal('SIGTERM')
      await load.over()
      await server.ended(0)
      goneAway += load.goneAway
      again += load.again
      report.add(load)
    }
    report.injectedAs(STOPS, STOPS, 'programs that ended with 0')
    noteOf(report, goneAway, again)
    report.expect(goneAway >= STOPS, `only ${goneAway} sessions were told to go away`)
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

function noteOf(report: Report, goneAway: number, again: number): void {
  report.note(`${goneAway} sessions were told to go away; ${again} requests were not begun by then, and were sent anew`)
}

async function untilAnswered({ counts }: StreamLoad, log: readonly string[]): Promise<void> {
  const from = counts.answered
  await until(
    () => counts.answered >= from + ANSWERED,
    () => `only ${counts.answered - from} answers in a minute; the log:\n${log.slice(-30).join('\n')}`,
  )
}
