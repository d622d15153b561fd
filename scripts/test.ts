/**
 * `npm test`: sets up the Python environments (once), then everything of `npm run ok`, then the end-to-end tests, and
 * prints a line a file. More arguments choose test files: `npm test -- test/e2e/10-http.test.ts` runs only those.
 * `test-threads.ts` and `test-http2.ts` run some of them once more, and those that are theirs alone.
 *
 * With CI=true a skipped test is a failure: there everything that a test may want is installed.
 */
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run as runTests } from 'node:test'
import { ensureEnvironment, PACKAGE_SETS, testedPythons } from '../test/support/environments/environments.ts'
import { ensureNode24 } from '../test/support/environments/node24.ts'
import { run, seconds } from './lib/command.ts'
import { exampleEnvironment } from './lib/examples.ts'
import { passWrapper, pythonOnPath, SetupError } from './lib/python.ts'
import { exampleTests, pythonUnitTests, runSteps, STATIC_CHECKS, TEST_FLAGS } from './lib/steps.ts'
import { reportTests } from './lib/test-report.ts'
import { ROOT } from './lib/tools.ts'

/** Unit tests first: when one fails, the end-to-end tests say the same less clearly. */
const ALL_TESTS = ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts', 'test/**/*.test.ts']
/** What is only about several threads of the gateway, about HTTP/2, or about other servers: `npm run test:threads`, `test:http2`, `test:differential`. */
const OF_OTHER_COMMANDS = ['test/e2e/threads/**', 'test/e2e/http2/**', 'test/differential/**']
/** End-to-end files start servers of several processes each: more than two at a time only slow each other down. */
const FILES_AT_A_TIME = 2
/** For one file. Far more than any file takes: a file that hangs ends with its name. */
const FILE_TIMEOUT_MS = 5 * 60_000

/** A test sees the same Python everywhere, whatever is in the environment of whoever runs it. */
for (const name of Object.keys(process.env)) if (name.startsWith('PYTHON')) delete process.env[name]

async function setUp(): Promise<void> {
  const pythons = await testedPythons()
  if (pythons.length === 0) throw new SetupError('no Python 3.9 or newer with venv and pip at hand')
  const startedAt = performance.now()
  await passWrapper()
  const versions = pythons.map(one => one.version)
  const requests = versions.flatMap(python => PACKAGE_SETS.map(packages => ({ python, packages })))
  const onPath = await pythonOnPath()
  const examples = (['shop', 'chat'] as const).map(example => exampleEnvironment(example, onPath))
  await Promise.all([ensureNode24(), ...requests.map(ensureEnvironment), ...examples])
  // Once here, and not at each of some hundred starts: in tests Python writes no compiled files.
  const compile = ['-m', 'compileall', '-q', join(ROOT, 'python/jumak_worker')]
  await Promise.all(['python3', ...pythons.map(({ executable }) => executable)].map(python => run(python, compile)))
  const name = `Node 24, Python ${versions.join(' and ')}`
  console.log(`ok     ${name.padEnd(32)} ${seconds(performance.now() - startedAt)}`)
}

/** Checks and tests that Node's test runner does not run, side by side. */
async function checks(): Promise<boolean> {
  const data = mkdtempSync(join(tmpdir(), 'jumak-example-'))
  try {
    const perPython = (await testedPythons()).map(async ({ executable, version }) => {
      const django = await ensureEnvironment({ python: version, packages: 'example-django' })
      return [pythonUnitTests(executable, version), exampleTests(django.python, version, join(data, version))]
    })
    return await runSteps([...STATIC_CHECKS, ...(await Promise.all(perPython)).flat()])
  } finally {
    rmSync(data, { recursive: true })
  }
}

async function main(): Promise<number> {
  await setUp()
  const chosen = process.argv.slice(2)
  if (chosen.length === 0 && !(await checks())) return 1
  const [patterns, exclude] = chosen.length > 0 ? [chosen, []] : [ALL_TESTS, OF_OTHER_COMMANDS]
  const files = patterns.flatMap(pattern => {
    const found = globSync(pattern, { cwd: ROOT, exclude }).sort()
    // So that a file that has moved is not forgotten.
    if (found.length === 0) throw new SetupError(`no test file matches ${pattern}`)
    return found
  })
  const events = runTests({
    files,
    cwd: ROOT,
    execArgv: TEST_FLAGS,
    concurrency: FILES_AT_A_TIME,
    timeout: FILE_TIMEOUT_MS,
  })
  const { failed, skipped } = await reportTests(events, text => process.stdout.write(text))
  if (skipped > 0 && process.env['CI'] === 'true') {
    console.log(
      `\nFAILED: ${skipped} skipped, and with CI=true nothing may be: install what the lines "skipped:" name.`,
    )
    return 1
  }
  return failed > 0 ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  // Printed here, because Node's test runner does not print what is thrown in its process.
  console.error(error instanceof SetupError ? `npm test: ${error.message}` : error)
  process.exitCode = 1
}
