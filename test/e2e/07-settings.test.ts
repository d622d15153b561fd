/** Settings as a person gives them: files, variables, what is printed, and a reload that reads them anew. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Project } from '../support/project.ts'
import { getOnce, textOf } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { startServer, until } from '../support/server.ts'

const APP = `
import os
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [str(os.getpid()).encode()]
`

function shop(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  return new Project(t, { 'app.py': APP, ...files }).directory
}

test('--check --no-app says in one line that all is right, or all that is wrong with exit code 2', async t => {
  const directory = shop(t, { 'jumak.toml': 'workers = 3\nmax-requests-jitter = 5\n' })
  const right = await runJumak(['--check', '--no-app'], directory)
  assert.deepEqual(
    [right.code, right.stdout, right.stderr],
    [
      0,
      'jumak: the settings are right: app:application on 127.0.0.1:8000, 3 workers × 1 thread\n',
      'jumak: warning: jumak.toml:2:23: max-requests-jitter does nothing without max-requests\n',
    ],
  )
  writeFileSync(join(directory, 'jumak.toml'), 'wrokers = 3\ntimeout = "soon"\n')
  const wrong = await runJumak(['--check', '--log-file=no/j.log'], directory, { JUMAK_THREADS: '0' })
  assert.deepEqual([wrong.code, wrong.stdout], [2, ''])
  assert.deepEqual(wrong.stderr.split('\n'), [
    'jumak: jumak.toml:1:1: there is no setting wrokers; did you mean workers?',
    "jumak: JUMAK_THREADS must be a whole number from 1 to 256, not '0'",
    "jumak: jumak.toml:2:11: timeout must be seconds (30) or a number with a unit (500ms, 30s, 2m, 1h), not 'soon'",
    "jumak: --log-file must name a file in a directory that exists, not 'no/j.log'",
    'jumak: try jumak --help',
    '',
  ])
})

test("--env-file is the application's: this program's own Node does not read it", async t => {
  const directory = shop(t, { '.env': 'NODE_OPTIONS=--no-such-option\nJUMAK_THREADS=none\n' })
  for (const words of [['--env-file=.env'], ['--env-file', '.env']]) {
    const { code, stdout, stderr } = await runJumak([...words, '--check', '--no-app'], directory)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /the settings are right/)
  }
  const missing = await runJumak(['--env-file', 'none.env'], directory)
  assert.equal(missing.code, 2)
  assert.match(missing.stderr, /^jumak: --env-file must name a file that exists .*, not 'none.env'\n/)
})

test('nothing starts with a file that is wrong', async t => {
  const { code, stderr } = await runJumak(['-b', '0'], shop(t, { 'pyproject.toml': '[tool.jumak]\nbindd = 1\n' }))
  assert.deepEqual(
    [code, stderr.split('\n')[0]],
    [2, 'jumak: pyproject.toml:2:1: there is no setting bindd; did you mean bind?'],
  )
})

test('--print-config prints a file that means the same, --print-schema the schema of the reference', async t => {
  const directory = shop(t)
  const { stdout } = await runJumak(['--print-config', '-w', '3', '--reload'], directory, { JUMAK_TIMEOUT: '2m' })
  assert.match(stdout, /^workers = 3 +# --workers$/m)
  assert.match(stdout, /^timeout = "2m" +# JUMAK_TIMEOUT$/m)
  writeFileSync(join(directory, 'jumak.toml'), stdout)
  const again = await runJumak(['--print-config'], directory)
  assert.deepEqual([again.code, /^workers = 3 +# jumak\.toml:\d+$/m.test(again.stdout)], [0, true])
  const schema = JSON.parse((await runJumak(['--print-schema'], directory)).stdout) as { $schema: string }
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema')
})

test('a file, a variable and a flag come together; what is useless is told at the start', async t => {
  const directory = shop(t, { 'jumak.toml': 'workers = 9\nthreads = 2\nunix-mode = "600"\n' })
  const server = await startServer({ directory, args: ['-w', '1'], env: { JUMAK_LOG_LEVEL: 'debug' } })
  server.expectLog(/jumak\.toml:3:13: unix-mode does nothing without a Unix socket to listen on$/)
  assert.match(await server.waitForLog(/workers +\d/), /workers +1 × 2 threads$/)
  assert.equal((await getOnce(server.port, '/')).status, 200)
  await server.stop()
})

test('HUP reads the file anew: what may change does, what may not is told', async t => {
  const directory = shop(t, { 'jumak.toml': 'workers = 1\n' })
  const server = await startServer({ directory })
  server.expectLog(/timeout changed, which takes effect at the next start of the program, or with jumak upgrade$/)
  writeFileSync(join(directory, 'jumak.toml'), 'workers = 2\nthreads = 3\ntimeout = 5\n')
  server.signal('SIGHUP')
  await server.waitForLog(/reload: new values of workers, threads$/)
  await server.waitForLog(/generation 2 serves/)
  await until(
    () => server.workers().length === 2,
    () => `workers: ${JSON.stringify(server.workers())}`,
  )
  assert.equal((await getOnce(server.port, '/')).status, 200)
  await server.stop()
})

test('HUP changes when workers are recycled', async t => {
  const directory = shop(t, { 'jumak.toml': 'workers = 1\n' })
  const server = await startServer({ directory })
  writeFileSync(join(directory, 'jumak.toml'), 'workers = 1\nmax-requests = 1\nmax-memory = "1T"\n')
  server.signal('SIGHUP')
  await server.waitForLog(/reload: new values of max-requests, max-memory$/)
  await server.waitForLog(/generation 2 serves/)
  assert.equal((await getOnce(server.port, '/')).status, 200)
  await server.waitForLog(/worker 2 is recycled: 1 request \(--max-requests 1\)$/)
  await server.stop()
})

test('HUP with a file that is wrong changes nothing and says all of it', async t => {
  const directory = shop(t, { 'jumak.toml': 'workers = 1\n' })
  const server = await startServer({ directory })
  const [worker] = server.workers()
  server.expectLog(
    /jumak\.toml:1:11: workers must be .*, not '0'$/,
    /jumak\.toml:2:1: there is no setting thread; did you mean threads\?$/,
    /reload: nothing changes, because the settings are wrong$/,
  )
  writeFileSync(join(directory, 'jumak.toml'), 'workers = 0\nthread = 3\n')
  server.signal('SIGHUP')
  await server.waitForLog(/nothing changes/)
  assert.equal(await textOf(server.port, '/'), String(worker!.pid))
  assert.ok(!server.log.some(line => /new generation/.test(line)))
  await server.stop()
})
