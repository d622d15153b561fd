/**
 * The Autobahn test suite, as fuzzing client, against the WebSocket engine. Takes some ten minutes. It is a program for Python 2.7 and
 * nothing else: installed once below `.cache/autobahn`.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../scripts/lib/command.ts'
import { hashOf, SetupError } from '../../scripts/lib/python.ts'
import { ROOT } from '../support/paths.ts'

const DIRECTORY = join(ROOT, '.cache/autobahn')
const LIBRARY = join(DIRECTORY, 'library')
const REPORT = join(DIRECTORY, 'report')
const REQUIREMENTS = join(import.meta.dirname, 'autobahn.txt')
const AGENT = 'jumak'
/** Passes: as the standard says, without each of its recommendations, or without a right answer. */
const PASSES = new Set(['OK', 'NON-STRICT', 'INFORMATIONAL'])

async function findPython27(): Promise<string> {
  const pyenv = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions')
  const ours = existsSync(pyenv) ? readdirSync(pyenv).filter(name => name.startsWith('2.7.')) : []
  for (const command of [...ours.map(name => join(pyenv, name, 'bin/python')), 'python2.7', 'python2']) {
    const { code } = await run(command, ['-c', 'import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))'])
    if (code === 0) return command
  }
  throw new SetupError('the Autobahn test suite needs Python 2.7 with pip, and there is none at hand')
}

/** At once when it is there; a marker, written last, holds what was installed. */
async function install(python: string): Promise<void> {
  const marker = join(LIBRARY, 'installed')
  const wanted = hashOf([readFileSync(REQUIREMENTS, 'utf8'), python])
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return
  rmSync(LIBRARY, { recursive: true, force: true })
  console.log('installing the Autobahn test suite …')
  const options = ['--quiet', '--no-input', '--disable-pip-version-check', '--no-deps', '--target', LIBRARY]
  const { code, output } = await run(python, ['-m', 'pip', 'install', ...options, '-r', REQUIREMENTS])
  if (code !== 0) throw new SetupError(`pip could not install the Autobahn test suite:\n${output.trim()}`)
  writeFileSync(marker, wanted)
}

interface Echo {
  readonly port: string
  close(): void
}

/** In a process of its own: the suite is busy, and so is it. */
async function startEcho(): Promise<Echo> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'websocket-echo.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()))
  child.once('exit', code => reject(new Error(`the echo server ended with ${code}`)))
  return { port: await promise, close: () => child.stdin.end() }
}

async function runSuite(python: string, port: string, cases: readonly string[]): Promise<void> {
  rmSync(REPORT, { recursive: true, force: true })
  mkdirSync(REPORT, { recursive: true })
  const specification = join(DIRECTORY, 'specification.json')
  const servers = [{ agent: AGENT, url: `ws://127.0.0.1:${port}` }]
  writeFileSync(specification, JSON.stringify({ outdir: REPORT, servers, cases, 'exclude-cases': [] }))
  // Its packages share a namespace, which only a site directory gives.
  const code = `import site; site.addsitedir(${JSON.stringify(LIBRARY)}); from autobahntestsuite.wstest import run; run()`
  const result = await run(python, ['-c', code, '-m', 'fuzzingclient', '-s', specification], { cwd: DIRECTORY })
  if (result.code !== 0) throw new Error(`the suite ended with ${result.code}:\n${result.output.slice(-2000)}`)
}

interface CaseReport {
  readonly behavior: string
  readonly behaviorClose: string
}

/** Prints how many cases ended how, and each that did not pass; the number of these. */
function summarize(): number {
  const index = JSON.parse(readFileSync(join(REPORT, 'index.json'), 'utf8')) as Record<
    string,
    Record<string, CaseReport>
  >
  const reports = Object.entries(index[AGENT] ?? {})
  if (reports.length === 0) throw new Error('the suite has run no case: are there such cases?')
  const counts = new Map<string, number>()
  for (const [, { behavior }] of reports) counts.set(behavior, (counts.get(behavior) ?? 0) + 1)
  const failed = reports.filter(([, one]) => !PASSES.has(one.behavior) || !PASSES.has(one.behaviorClose))
  for (const [name, one] of failed) console.log(`FAILED ${name}: ${one.behavior}, closing ${one.behaviorClose}`)
  console.log(`${reports.length} cases: ${[...counts].map(([behavior, count]) => `${count} ${behavior}`).join(', ')}`)
  console.log(`${failed.length} did not pass; the report: ${join(REPORT, 'index.html')}`)
  return failed.length
}

/** @param chosen - Cases such as `1.*`; none: all of them. Returns the exit code. */
export async function autobahn(chosen: readonly string[]): Promise<number> {
  const python = await findPython27()
  await install(python)
  const echo = await startEcho()
  try {
    await runSuite(python, echo.port, chosen.length > 0 ? chosen : ['*'])
  } finally {
    echo.close()
  }
  return summarize() > 0 ? 1 : 0
}
