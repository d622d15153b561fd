/**
 * h2spec, strict, against a program that was started for it: in the clear by prior knowledge, and over TLS by ALPN. Each case but one
 * (`IN_THE_CLEAR`) must pass; a skipped one counts as failed. Go builds it once below `.cache/h2spec`, of the modules that `h2spec/go.mod` pins.
 *
 * The Go module proxy has 2.2.1, with 146 cases. The newest one, 2.6.0, has 147, and is lenient where the RFC is unclear; who has it
 * names it: `H2SPEC=/path/to/h2spec npm run test:conformance -- h2spec`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../scripts/lib/command.ts'
import { hashOf, SetupError } from '../../scripts/lib/python.ts'
import { localCertificate } from '../support/certificates.ts'
import { APPS, ROOT } from '../support/paths.ts'
import { startServer } from '../support/server.ts'

const DIRECTORY = join(ROOT, '.cache/h2spec')
const MODULE = join(import.meta.dirname, 'h2spec')
const PACKAGE = 'github.com/summerwind/h2spec/cmd/h2spec'
/** Of the pinned version. Fewer means that something is wrong with the run. */
const CASES = 146
/** How long h2spec waits for what never comes, say a frame. More than its 2: the machine may be busy. */
const PATIENCE_SECONDS = 5

/** Path of the program. At once when it is there; a marker, written last, holds what was built. */
async function build(): Promise<string> {
  const given = process.env['H2SPEC']
  if (given) return given
  const program = join(DIRECTORY, 'h2spec')
  const marker = join(DIRECTORY, 'built')
  const wanted = hashOf(['go.mod', 'go.sum'].map(name => readFileSync(join(MODULE, name), 'utf8')))
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return program
  mkdirSync(DIRECTORY, { recursive: true })
  console.log('building h2spec …')
  // Go itself must be the one that is installed: it downloads no other.
  const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false' }
  const { code, output } = await run('go', ['build', '-o', program, PACKAGE], { cwd: MODULE, env })
  if (code === 127) throw new SetupError('h2spec is built by Go 1.18 or newer, and there is none at hand')
  if (code !== 0) throw new SetupError(`go could not build h2spec:\n${output.trim()}`)
  writeFileSync(marker, wanted)
  return program
}

interface Way {
  readonly name: string
  readonly isTls: boolean
  /** Cases that fail for a reason, by section. */
  readonly excepted: Readonly<Record<string, number>>
}

/**
 * An address in the clear speaks both versions. What begins with no preface is a request of HTTP/1 there, and gets its 400 (RFC9112§2.2).
 * h2spec takes an answer in HTTP/1 for a mistake (3.5, case 2).
 */
const IN_THE_CLEAR = { 'http2 3.5': 1 }

const WAYS: readonly Way[] = [
  { name: 'in the clear', isTls: false, excepted: IN_THE_CLEAR },
  { name: 'over TLS', isTls: true, excepted: {} },
]

/** Of one section of the suite. */
interface Section {
  readonly name: string
  readonly cases: number
  readonly passed: number
}

async function runSuite(program: string, { name, isTls }: Way, chosen: readonly string[]): Promise<Section[]> {
  const server = await startServer({
    app: 'plain:application',
    directory: APPS,
    ...(isTls ? { tls: localCertificate() } : {}),
  })
  // What it says of requests that break the rules is not what is tested here.
  server.acceptAnyLog()
  const report = join(DIRECTORY, isTls ? 'tls.xml' : 'clear.xml')
  mkdirSync(DIRECTORY, { recursive: true })
  writeFileSync(report, '')
  const options = ['--strict', '--timeout', String(PATIENCE_SECONDS), '--junit-report', report]
  const where = ['--host', '127.0.0.1', '--port', String(server.port), ...(isTls ? ['--tls', '--insecure'] : [])]
  const { output } = await run(program, [...chosen, ...options, ...where])
  await server.stop()
  const failures = plain(output).split(/^Failures: *$/m)[1]
  if (failures !== undefined) console.log(`${name}:\n${failures.trimEnd()}\n`)
  const sections = sectionsOf(readFileSync(report, 'utf8'))
  if (sections.length === 0) throw new Error(`h2spec has run no case ${name}:\n${output.slice(-2000)}`)
  return sections
}

/** Without colours. */
function plain(output: string): string {
  return output.replaceAll(/\x1b\[[0-9;]*[A-Za-z]/g, '')
}

/** @param report - Of JUnit's kind. Only the lines of sections are read: h2spec puts bytes into it that no XML may have. */
function sectionsOf(report: string): Section[] {
  return [...report.matchAll(/<testsuite ([^>]*)>/g)].map(([, attributes]) => {
    const value = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes!)?.[1] ?? ''
    const cases = Number(value('tests'))
    const lost = ['skipped', 'failures', 'errors'].map(name => Number(value(name)))
    const name = `${value('package').split('/')[0]} ${value('name')}`
    return { name, cases, passed: cases - lost.reduce((sum, one) => sum + one, 0) }
  })
}

function sum(sections: readonly Section[], what: 'cases' | 'passed'): number {
  return sections.reduce((total, section) => total + section[what], 0)
}

function print(results: readonly (readonly Section[])[]): void {
  const row = (name: string, ...cells: string[]) =>
    console.log(name.padEnd(64) + cells.map(c => c.padStart(14)).join(''))
  row('passed', ...WAYS.map(way => way.name))
  for (const [index, { name }] of results[0]!.entries()) {
    const cells = results.map(sections => sections[index]!)
    if (cells.some(one => one.cases > 0)) row(name, ...cells.map(one => `${one.passed} of ${one.cases}`))
  }
  row('all', ...results.map(sections => `${sum(sections, 'passed')} of ${sum(sections, 'cases')}`))
  console.log(
    'In the clear one case of section 3.5 is excepted: an address that speaks both versions answers it in HTTP/1.',
  )
}

/** @param chosen - Sections such as `http2/6.9` or `hpack`; none: all of them. Returns the exit code. */
export async function h2spec(chosen: readonly string[]): Promise<number> {
  const program = await build()
  const results: Section[][] = []
  for (const way of WAYS) results.push(await runSuite(program, way, chosen))
  print(results)
  const lost = (sections: readonly Section[], { excepted }: Way) =>
    sections.reduce((total, { name, cases, passed }) => {
      const may = Object.entries(excepted).find(([section]) => name.startsWith(section))?.[1] ?? 0
      return total + Math.max(0, cases - passed - may)
    }, 0)
  const isWhole = (sections: readonly Section[]) => chosen.length > 0 || sum(sections, 'cases') >= CASES
  const isRight = results.every((sections, i) => isWhole(sections) && lost(sections, WAYS[i]!) === 0)
  return isRight ? 0 : 1
}
