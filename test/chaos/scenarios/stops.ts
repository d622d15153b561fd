/** Stops under clients that connect without a pause: each is answered, or refused. The kernel would reset those that wait in its queue at a close. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hammer } from '../../support/hammer.ts'
import { startServer, until } from '../../support/server.ts'
import type { Report, Scenario } from '../scenario.ts'

const STOPS = Number(process.env['CHAOS_STOPS'] ?? 100)
const CLIENTS = 12
/** Before each stop: all of them are at it. */
const ANSWERED_BEFORE = 100

const APPLICATION = `
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
`

export const STOPS_UNDER_LOAD: readonly Scenario[] = [
  { name: 'stops', fault: `stops under ${CLIENTS} clients that connect anew each time`, run: stopOften },
]

async function stopOften(report: Report): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-chaos-'))
  try {
    writeFileSync(join(directory, 'app.py'), APPLICATION)
    let lost = 0
    let ended = 0
    for (let stop = 1; stop <= STOPS; stop++) {
      report.progress(`stop ${stop} of ${STOPS}, ${lost} lost`)
      const server = await startServer({ app: 'app', directory, args: ['-w', '1'] })
      const hammer = new Hammer(server.target, CLIENTS)
      await until(
        () => hammer.answered >= ANSWERED_BEFORE,
        () => server.log.join('\n'),
      )
      server.signal('SIGTERM')
      const end = await hammer.over()
      await server.ended(0)
      ended++
      lost += end.lost.length
      report.add({
        counts: {
          sent: end.answered + end.lost.length,
          answered: end.answered,
          refused: 0,
          cut: 0,
          failed: 0,
          lost: end.lost.length,
        },
        problems: [],
      })
    }
    report.injectedAs(ended, STOPS, 'programs that ended with 0')
    report.note(`${lost} of ${STOPS * CLIENTS} clients were reset in ${STOPS} stops`)
    report.expect(lost === 0, `${lost} clients were reset in ${STOPS} stops`)
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}
