/** The logs of the whole program: who said what in which request, in text and JSON; rotation; readers that are stuck. */
import assert from 'node:assert/strict'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { whyNoPython } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { temporaryDirectory } from '../support/project.ts'
import { getOnce, RawClient, withClient } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'

const skip = await whyNoPython()
const NOBODY = 65534
const STDOUT = ['--access-log', '-']

/** `args`: more of the command line. */
function start(args: readonly string[] = [], waitReady = true): Promise<Server> {
  return startServer({ app: 'logs', directory: APPS, args, waitReady })
}

async function startJson(...args: string[]): Promise<Server> {
  const server = await start(['--log-format', 'json', ...args], false)
  await server.waitForLog(/"message":"ready"/)
  return server
}

interface LogRecord {
  readonly level: string
  readonly source: string
  readonly worker?: number
  readonly request?: string
  readonly message: string
  readonly [field: string]: unknown
}

const recordsOf = (server: Server): LogRecord[] => server.log.map(line => JSON.parse(line) as LogRecord)

/** The body: the request id that the application was given. */
function get(target: number | string, path: string, ...headers: string[]): Promise<string> {
  return withClient(target, async client => (await client.get(path, ...headers).response()).body.toString())
}

test('a request has one id: in the environ, in what it prints, in its traceback, in the access log', {
  skip,
}, async () => {
  const server = await start(STDOUT)
  const id = await get(server.port, '/print/ann')
  assert.match(id, /^[0-9a-z]{8}-[0-9a-z]+$/)
  await server.waitForLog(new RegExp(`worker \\d +\\[${id}\\] printed by ann$`))
  await server.waitForLog(new RegExp(`worker \\d +\\[${id}\\] to errors by ann$`))
  const failed = await get(server.port, '/raise/x', 'X-Request-ID: from-the-proxy')
  assert.match(failed, /from-the-proxy/)
  server.expectLog(/\[from-the-proxy\] GET \/raise\/x failed in worker/)
  for (const words of ['application error in GET /raise/x', 'Traceback', 'ValueError: bad luck'])
    await server.waitForLog(new RegExp(`worker \\d +\\[from-the-proxy\\] ${words}`))
  await get(server.port, '/thread/bob')
  await get(server.port, '/subprocess/bob')
  await get(server.port, '/escape')
  await server.stop()
  assert.ok(server.log.some(line => /info {2}worker \d +thread of bob$/.test(line)))
  assert.ok(server.log.some(line => /info {2}worker \d +child of bob$/.test(line)))
  assert.ok(server.log.some(line => /\] \\x1f=forged\\x1fnot marked$/.test(line)))
  assert.ok(!server.log.some(line => line.includes('\x1f')), 'no mark is ever seen')
  const line = server.stdout.find(one => one.includes('/print/ann'))!
  assert.match(
    line,
    new RegExp(
      `"GET /print/ann HTTP/1\\.1" 200 \\d+ "-" "-" 0\\.\\d{6} ${id} queue=0\\.\\d+ app=0\\.\\d+ worker=\\d+$`,
    ),
  )
  assert.ok(server.stdout.some(one => / 500 .* from-the-proxy /.test(one)))
})

test("only a trusted proxy names a request; what cannot be an id is replaced, even a trusted proxy's", {
  skip,
}, async () => {
  const server = await start(['--trusted-proxies', 'none'])
  assert.match(await get(server.port, '/quiet', 'X-Request-ID: mine'), /^[0-9a-z]{8}-/)
  await server.stop()
  const trusting = await start()
  assert.equal(await get(trusting.port, '/quiet', 'X-Request-ID: mine'), 'mine')
  assert.match(await get(trusting.port, '/quiet', 'X-Request-ID: a b'), /^[0-9a-z]{8}-/)
  await trusting.stop()
})

test('tracebacks of many requests at once are one record each, whole, with their request', { skip }, async () => {
  const server = await startJson('-w', '2', '--threads', '4')
  const ways = ['line-by-line', 'logging', 'print', 'parts', 'bytes']
  const ids = new Map<string, string>()
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const way = ways[i % ways.length]!
      ids.set(await get(server.port, `/${way}/n${i}`), way)
    }),
  )
  await server.stop()
  const records = recordsOf(server).filter(one => one.request !== undefined)
  for (const [id, way] of ids) {
    const said = records.filter(one => one.request === id)
    assert.equal(said.length, way === 'print' ? 2 : 1, `${way}: ${JSON.stringify(said)}`)
    const { message, source, worker } = said[0]!
    assert.equal(source, 'worker')
    assert.match(String(worker), /^[12]$/)
    if (way === 'parts') assert.equal(message, 'part 1 part 2 ')
    if (way === 'logging') assert.match(message, /^ERROR it failed in n\d+\nTraceback /)
    if (way !== 'logging' && way !== 'line-by-line') continue
    const lines = message.split('\n')
    assert.equal(lines.at(-1), 'ValueError: bad luck')
    assert.equal(lines.filter(line => line.startsWith('Traceback')).length, 1)
    assert.equal(lines.filter(line => line.startsWith('  File')).length, 4)
  }
})

test('/dev/stdout and /dev/stderr are what the program was given, which nobody could open by that name', {
  skip,
}, async () => {
  const format = ['--access-log-format', 'access %(U)s']
  for (const name of ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/2', '/dev/stderr']) {
    const server = await start(['--access-log', name, '--log-file', '/dev/stderr', ...format])
    await get(server.port, '/quiet')
    server.signal('SIGUSR1')
    await server.waitForLog(/opened anew/)
    await get(server.port, '/quiet')
    await server.stop()
    const lines = (name.endsWith('1') || name.endsWith('out') ? server.stdout : server.log).filter(one =>
      one.startsWith('access '),
    )
    assert.deepEqual(lines, ['access /quiet', 'access /quiet'], name)
  }
})

test('JSON: the start is told as fields of two records, and every line is an object', { skip }, async () => {
  const server = await startJson(...STDOUT, '--access-log-format', 'json')
  const id = await get(server.port, '/print/ann')
  await server.waitForLog(/"message":"memory"/)
  await server.stop()
  const records = recordsOf(server)
  const { memory } = records.find(one => one.message === 'memory')!
  assert.deepEqual(Object.keys(memory as object), ['master', 'gateway', 'preloader', 'workers'])
  const started = records.find(one => one.message === 'started')!
  assert.deepEqual(started['addresses'], [server.url])
  assert.equal(started['pid'], server.pid)
  assert.ok((started['connections'] as number) > 0)
  assert.ok((started['trusted'] as string[]).includes('127.0.0.0/8'))
  const loaded = records.find(one => one.message === 'loaded')!
  assert.equal(loaded['application'], 'logs:application')
  assert.match(loaded['python'] as string, /^3\.\d+\.\d+/)
  assert.equal(loaded['preload'], true)
  for (const field of ['workers', 'threads', 'generation']) assert.equal(typeof loaded[field], 'number', field)
  assert.ok(records.some(one => one.source === 'preloader' && one.message === 'imported'))
  const access = JSON.parse(server.stdout[0]!)
  assert.equal(access.request, id)
  assert.deepEqual([access.method, access.target, access.status], ['GET', '/print/ann', 200])
  assert.ok(access.seconds >= access.queueSeconds + access.appSeconds)
})

test('text: the start is aligned lines without colours in a pipe', { skip }, async () => {
  // More threads have a line of their own.
  const server = await start(['--log-level', 'debug', '--gateway-threads', '1'])
  await server.waitForLog(/memory/)
  await server.stop()
  const facts = server.log.map(line => line.slice(40)).filter(line => /^ {2}\S/.test(line))
  assert.deepEqual(
    facts.map(line => line.slice(2, 15).trim()),
    ['address', 'trusted', 'connections', 'application', 'Python', 'workers', 'preload', 'memory'],
  )
  assert.ok(!server.log.some(line => line.includes('\x1b')))
})

test('what never reaches the application is in the access log: refusals, OPTIONS *', { skip }, async () => {
  const server = await start([...STDOUT, '--access-log-format', '%(m)s %(U)s %(s)s %(B)s %({worker}x)s'])
  for (const request of ['nonsense\r\n\r\n', 'OPTIONS * HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n']) {
    const client = new RawClient(server.port)
    client.send(request)
    await client.readToEnd()
    client.close()
  }
  await server.stop()
  assert.match(server.stdout[0]!, /^- - 400 [1-9]\d* -$/)
  assert.equal(server.stdout[1], 'OPTIONS * 204 0 -')
  assert.equal(server.stdout.length, 2)
})

test('conditions: only what fails, or is slow, is written', { skip }, async () => {
  const server = await start([...STDOUT, '--access-log-format', '%(s)s', '--access-log-min-status', '500'])
  server.expectLog(/\/raise failed/)
  for (const path of ['/quiet', '/raise', '/quiet']) await get(server.port, path)
  await server.stop()
  assert.deepEqual(server.stdout, ['500'])
})

test('rotation by rename and USR1 loses no line of either log, and doubles none', { skip }, async t => {
  const path = temporaryDirectory(t)
  const socket = join(path, 's')
  const [log, access] = [join(path, 'program.log'), join(path, 'access.log')]
  const format = ['--access-log', access, '--access-log-format', '%({request-id}x)s']
  const server = await start(['-b', `unix:${socket}`, '-w', '2', '--log-file', log, ...format], false)
  await until(
    () => / ready$/m.test(read(log)),
    () => read(log),
  )
  const ids: string[] = []
  let rotations = 0
  let rotating = true
  const load = Array.from({ length: 4 }, async () => {
    const client = new RawClient(socket)
    while (rotating) ids.push((await client.get('/print/x').response()).body.toString())
    client.close()
  })
  while (rotations < 5) {
    const before = ids.length
    await until(
      () => ids.length > before + 50,
      () => 'no requests are answered',
    )
    rotations++
    renameSync(log, `${log}.${rotations}`)
    renameSync(access, `${access}.${rotations}`)
    server.signal('SIGUSR1')
    await until(
      () => read(log) !== '' && read(access) !== '',
      () => 'no new file',
    )
  }
  rotating = false
  await Promise.all(load)
  await server.stop()
  const all = (name: string) => [1, 2, 3, 4, 5].map(n => read(`${name}.${n}`)).join('') + read(name)
  assert.deepEqual(all(access).trimEnd().split('\n').sort(), [...ids].sort())
  const printed = [...all(log).matchAll(/\[(\S+)\] printed by x$/gm)].map(match => match[1]!)
  assert.deepEqual(printed.sort(), ids.sort())
  assert.deepEqual(server.log, [], 'nothing on standard error')
})

/** Empty while it is not there. */
function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

test('a log file that cannot be written is told, with the setting to change', { skip }, async () => {
  const server = await start(['--log-file', '/nowhere/at/all.log'], false)
  await server.ended(1)
  assert.match(server.log.join('\n'), /cannot write the log \/nowhere\/at\/all\.log \(ENOENT\).*--log-file/)
})

test('a log that is not safe for root to write is told in one sentence', {
  skip: skip || (process.getuid?.() !== 0 && 'needs root'),
}, async t => {
  const theirs = temporaryDirectory(t)
  const logs = join(theirs, 'logs')
  mkdirSync(logs)
  chownSync(theirs, NOBODY, NOBODY)
  const server = await start(['--user', String(NOBODY), '--log-file', join(logs, 'program.log')], false)
  await server.ended(1)
  assert.match(
    server.log.join('\n'),
    /^jumak: \S+ is not safe for root to write: .* can replace \S+; choose a file .* of root's$/m,
  )
})

test('a log that cannot be opened anew goes on in the old file, and says so', { skip }, async t => {
  const path = temporaryDirectory(t)
  const logs = join(path, 'logs')
  mkdirSync(logs)
  const log = join(logs, 'program.log')
  const server = await start(['--log-file', log, '-b', `unix:${join(path, 's')}`], false)
  await until(
    () => / ready$/m.test(read(log)),
    () => 'not ready',
  )
  const moved = join(path, 'moved')
  renameSync(logs, moved)
  server.signal('SIGUSR1')
  const old = join(moved, 'program.log')
  await until(
    () => /the log cannot be opened anew: ENOENT.*writing on to the old file/.test(read(old)),
    () => read(old),
  )
  await server.stop()
})

test('a reader of the access log that is stuck stops nothing; what was lost is counted', { skip }, async () => {
  const server = await start(STDOUT)
  server.expectLog(/gateway +access log: \d+ lines dropped/)
  const pipe = server.process.stdout as Socket
  pipe.pause()
  const client = new RawClient(server.port)
  const long = 'x'.repeat(1500)
  // More than pipe, buffers and sink together hold.
  for (let i = 0; i < 3000; i++) assert.equal((await client.get(`/quiet?${long}`).response()).status, 200)
  client.close()
  pipe.resume()
  await server.waitForLog(/access log: \d+ lines dropped/)
  assert.equal((await getOnce(server.port, '/quiet')).status, 200)
  await server.stop()
})
