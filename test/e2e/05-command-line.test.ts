/** What a person meets first: addresses, exit codes, and messages that say what to do. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { APPS } from '../support/paths.ts'
import { Project, temporaryDirectory } from '../support/project.ts'
import { getOnce, textOf } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { startServer, until } from '../support/server.ts'

const runToEnd = (args: readonly string[]) => runJumak(args, APPS)

test('--version and --help', async () => {
  const version = await runToEnd(['--version'])
  assert.equal(version.code, 0)
  assert.match(version.stdout, /^jumak \d+\.\d+\.\d+/)
  const { code, stdout: help } = await runToEnd(['--help'])
  assert.equal(code, 0)
  for (const flag of [
    '--bind',
    '--workers',
    '--threads',
    '--timeout',
    '--chdir',
    '--python',
    '--preload',
    '--access-log',
    '--log-level',
  ])
    assert.ok(help.includes(flag), flag)
})

test('a usage error is exit code 2, names the flag, and nothing starts', async () => {
  const { code, stderr } = await runToEnd(['--wrokers', '3', '--timeout', 'soon', 'plain'])
  assert.equal(code, 2)
  assert.match(stderr, /--workers/)
  assert.match(stderr, /--timeout/)
})

test('an application that cannot be imported is exit code 3, with its own frames only', async () => {
  for (const [app, pattern] of [
    ['broken_syntax', /SyntaxError/],
    ['broken_import', /ModuleNotFoundError/],
    ['raises', /RuntimeError: the setting DATABASE_URL is missing/],
    ['no_app', /module no_app has no attribute 'application' or 'app' or 'create_app'/],
    ['nowhere.wsgi', /there is no module nowhere/],
  ] as const) {
    const { code, stderr } = await runToEnd(['-b', '127.0.0.1:0', app])
    assert.equal(code, 3, `${app}: ${stderr}`)
    assert.match(stderr, pattern)
    assert.ok(!/jumak_worker|importlib/.test(stderr), `frames of ours: ${stderr}`)
  }
})

test('the start says in three lines what runs where', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '2'] })
  const told = server.log.map(line => line.slice(line.indexOf('master') + 'master'.length).trim())
  for (const [i, line] of [
    /^Jumak \d\S+, process \d+, on http:\/\/127\.0\.0\.1:\d+: serving plain$/,
    /^WSGI +Python 3\.\d+\.\d+ \(.+\), imported once, workers +2 × 1 thread$/,
    /^ready$/,
  ].entries())
    assert.match(told.filter(line => !line.startsWith('Jumak runs as root'))[i]!, line)
  await server.stop()
})

test('and all of it, with what it costs, when it is asked', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '2', '--log-level', 'debug'] })
  await server.waitForLog(/memory +\d+ MB: master \d+, gateway \d+, preloader \d+, 2 workers \d+/)
  for (const fact of [
    /address +http:/,
    /trusted +127/,
    /connections +up to \d+ at a time, with HTTP\/2 up to 100 requests on each$/,
    /application +plain:application/,
    /Python +3\./,
    /workers +2 × 1 thread/,
    /preload +imported once/,
  ])
    assert.ok(
      server.log.some(line => fact.test(line)),
      `${fact}\n${server.log.join('\n')}`,
    )
  await server.stop()
})

test('an address in use is exit code 1 and named', async t => {
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  t.after(() => other.close())
  const { port } = other.address() as { port: number }
  const { code, stderr } = await runToEnd(['-b', `127.0.0.1:${port}`, 'plain'])
  assert.equal(code, 1)
  assert.ok(stderr.includes(`127.0.0.1:${port}`), stderr)
})

test('an access log that cannot be written is exit code 1, with the setting to change', async () => {
  const { code, stderr } = await runToEnd(['-b', '127.0.0.1:0', '--access-log', '/nowhere/at/all.log', 'plain'])
  assert.equal(code, 1)
  assert.match(stderr, /\/nowhere\/at\/all\.log \(ENOENT\).*--access-log/)
})

test('several addresses, a Unix socket among them, which is gone at the end', async t => {
  const path = join(temporaryDirectory(t), 'app.sock')
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-b', '127.0.0.1:0', '-b', `unix:${path}`] })
  assert.equal(await textOf(server.port, '/hello'), 'Hello, world!')
  assert.equal(await textOf(path, '/hello'), 'Hello, world!')
  assert.ok(statSync(path).isSocket())
  await server.stop()
  assert.ok(!existsSync(path))
})

test('a file, a factory, and nothing at all name an application', async t => {
  for (const app of ['plain.py', './plain.py:application', 'plain:application', 'factory:create_app()']) {
    const server = await startServer({ app, directory: APPS })
    assert.equal((await getOnce(server.port, '/hello')).status, 200, app)
    await server.stop()
  }
  const { directory } = new Project(t, {
    'app.py':
      "def create_app():\n    def app(environ, start_response):\n        start_response('200 OK', [])\n        return [b'found']\n    return app\n",
  })
  const server = await startServer({ directory })
  await server.waitForLog(/app\.py/)
  assert.equal(await textOf(server.port, '/'), 'found')
  await server.stop()
})

test('the access log gets one line for each request', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['--access-log', '-'] })
  await getOnce(server.port, '/hello?a=b')
  await server.stop()
  assert.equal(
    server.stdout.filter(line => /"GET \/hello\?a=b HTTP\/1\.1" 200 13 /.test(line)).length,
    1,
    server.stdout.join('\n'),
  )
})

test('USR1 opens the access log anew, loses no line, and opens no debugger', async t => {
  const log = join(temporaryDirectory(t), 'access.log')
  const server = await startServer({ app: 'plain', directory: APPS, args: ['--access-log', log] })
  await getOnce(server.port, '/hello?1')
  await until(
    () => readFileSync(log, 'utf8').includes('?1'),
    () => 'no first line',
  )
  renameSync(log, `${log}.1`)
  server.signal('SIGUSR1')
  await until(
    () => existsSync(log),
    () => 'no new file',
  )
  // The gateway hears of the new file a moment after it is there. Until then it writes to the old one.
  let asked = 0
  await until(
    async () => {
      await getOnce(server.port, '/hello?2')
      asked++
      return readFileSync(log, 'utf8').includes('?2 ')
    },
    () => 'nothing is written to the new file',
  )
  await server.stop()
  assert.ok(!server.log.some(line => /debugger/i.test(line)), server.log.join('\n'))
  const lines = [`${log}.1`, log].flatMap(file => readFileSync(file, 'utf8').match(/\?\d /g))
  assert.deepEqual(lines, ['?1 ', ...Array(asked).fill('?2 ')])
})
