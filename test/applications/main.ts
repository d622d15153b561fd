/**
 * `npm run test:applications`: real applications of others, started as `gunicorn …` as their documents say; arguments choose some by name. Each
 * has an environment in `.cache/applications/`, made the first time. Ends with a table, and with 1 where one has failed. One whose
 * packages cannot be installed here is told and is no pass; with CI=true it is a failure.
 */
import { join } from 'node:path'
import { seconds } from '../../scripts/lib/command.ts'
import { ensureVenv, type Interpreter, pythonsAtHand, SetupError } from '../../scripts/lib/python.ts'
import { ROOT } from '../support/paths.ts'
import type { Application, Visited } from './application.ts'
import { PGADMIN } from './pgadmin.ts'
import { PY4WEB } from './py4web.ts'
import { PYPISERVER } from './pypiserver.ts'
import { SOCKETS } from './sockets.ts'
import { Stage } from './stage.ts'
import { SUPERSET } from './superset.ts'
import { ZOPE } from './zope.ts'

/** The light ones first. */
const APPLICATIONS: readonly Application[] = [...SOCKETS, PYPISERVER, PY4WEB, ZOPE, PGADMIN, SUPERSET]
/** Superset runs on nothing newer yet. The packages are pinned for the first. */
const MINORS = ['3.11', '3.12', '3.10'] as const

interface Result extends Visited {
  readonly title: string
  readonly outcome: 'passed' | 'FAILED' | 'not installed'
  readonly time: string
}

const tell = (text: string) => process.stdout.write(`${text}\n`)

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter(name => !APPLICATIONS.some(one => one.name === name))
  if (unknown.length > 0) {
    tell(`there is no ${unknown.join(', ')}: choose of ${APPLICATIONS.map(({ name }) => name).join(', ')}`)
    return 2
  }
  const chosen = APPLICATIONS.filter(({ name }) => names.length === 0 || names.includes(name))
  const pythons = await pythonsAtHand('all')
  const wanted = MINORS.map(minor => pythons.find(({ version }) => version.startsWith(`${minor}.`)))
  const interpreter = wanted.find(found => found !== undefined)
  if (interpreter === undefined) {
    tell(`not tried: there is no Python ${MINORS.join(', ')} at hand`)
    return process.env['CI'] === 'true' ? 1 : 0
  }
  const results: Result[] = []
  for (const application of chosen) results.push(await visit(application, interpreter))
  printTable(results)
  const isBad = ({ outcome }: Result) =>
    outcome === 'FAILED' || (outcome === 'not installed' && process.env['CI'] === 'true')
  return results.some(isBad) ? 1 : 0
}

async function visit(application: Application, interpreter: Interpreter): Promise<Result> {
  const { title, packages, costs } = application
  tell(`\n${title} (${costs})`)
  const startedAt = performance.now()
  const result = (outcome: Result['outcome'], { checked, gaps }: Visited): Result => {
    const time = seconds(performance.now() - startedAt)
    tell(`${outcome} after ${time}`)
    return { title, outcome, time, checked, gaps }
  }
  let python: string
  try {
    python = await ensureVenv({
      interpreter,
      directory: join(ROOT, '.cache/applications', packages),
      requirements: join(import.meta.dirname, `${packages}.txt`),
      what: packages,
      onStep: step => tell(`${step} …`),
    })
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    tell(error.message)
    return result('not installed', { checked: [], gaps: [error.message] })
  }
  const stage = new Stage(python, tell)
  try {
    await application.visit(stage)
    return result('passed', stage)
  } catch (error) {
    tell(`${error instanceof Error ? error.stack : error}\n${stage.log()}`)
    return result('FAILED', stage)
  } finally {
    await stage.end()
  }
}

function printTable(results: readonly Result[]): void {
  const width = Math.max(...results.map(({ title }) => title.length))
  tell('')
  for (const { title, outcome, time, checked, gaps } of results) {
    tell(`${title.padEnd(width)}  ${outcome.padEnd(13)}  ${time.padStart(7)}  ${checked.join(' · ')}`)
    for (const gap of gaps) tell(`${' '.repeat(width)}  left out: ${gap}`)
  }
  const passed = results.filter(({ outcome }) => outcome === 'passed').length
  tell(`\n${passed} of ${results.length} passed`)
}

process.exitCode = await main(process.argv.slice(2))
