/** Sites that change under load, some of them wrong: each answer is of one configuration, and no request is lost. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Report, Scenario } from '../scenario.ts'
import { onStage, type Stage } from '../stage.ts'

const CHANGES = Number(process.env['CHAOS_SITE_CHANGES'] ?? 100)
/** Of these each is wrong. */
const EVERY = 10

export const SITES: readonly Scenario[] = [
  {
    name: 'site-reloads',
    fault: 'sites that change, one in ten of them wrong (ASGI)',
    run: async report => {
      const directory = mkdtempSync(join(tmpdir(), 'chaos-sites-'))
      const file = join(directory, 'sites.toml')
      writeFileSync(file, sitesNumber(0))
      try {
        await onStage(report, { interface: 'asgi', args: ['-c', file] }, stage => change(stage, file, report))
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    },
  },
]

/** The load's requests go through a rewrite, a location and a regular expression of each configuration, and reach the application. */
function sitesNumber(number: number, more = ''): string {
  return `
[[site]]
names = ["other-${number}.test"]
return = "200 other"

[[site]]
names = ["chaos", "~^n${number}"]
default = true
locations = [
  { match = "= /number", return = "200 ${number}" },
  { match = "/", app = "default", add-headers = { X-Number = "${number}" } },
  { match = "~ ^/(?:wait|get)${number % 2 === 0 ? '' : '(/.*)?'}", app = "default" },
  ${more}
]
rewrites = [{ from = "^/never-${number}/(.*)$", to = "/$1", flag = "last" }]
`
}

async function change(stage: Stage, file: string, report: Report): Promise<void> {
  const { server } = stage
  let last = 0
  let refused = 0
  for (let i = 1; i <= CHANGES; i++) {
    report.progress(`change ${i} of ${CHANGES}`)
    const isWrong = i % EVERY === 0
    const from = server.log.length
    writeFileSync(file, sitesNumber(i, isWrong ? '{ match = "~ (", return = 404 },' : ''))
    server.signal('SIGHUP')
    if (isWrong) {
      refused++
      await server.waitForLog(/reload: nothing changes/, from)
    } else {
      last = i
      await server.waitForLog(/reload: new values of \[\[site\]\]/, from)
      await server.waitForLog(/generation \d+ serves/, from)
    }
    const number = await stage.get('/number')
    report.expect(number === String(last), `sites number ${last} must answer, and ${number} did`)
  }
  await stage.untilServing()
  report.injectedAs(stage.logged(/reload: new values of \[\[site\]\]/), CHANGES - refused, 'lines of the log')
  report.injectedAs(stage.logged(/reload: nothing changes/), refused, 'lines of the log')
}
