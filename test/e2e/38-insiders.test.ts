/**
 * The program does not believe its insiders: neither what workers say of themselves, nor what lies in the runtime directory. A worker that
 * breaks the rules is named and replaced, while the others serve on. What was taken away is made again.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { version } from '../../src/base/version.ts'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'

/** A worker that lies about itself as soon as there is a file of this name. */
const LIAR = `
import sys
control = next(one for name, one in sys.modules.items() if name.endswith('.control') and hasattr(one, 'ControlChannel'))
send = control.ControlChannel.send
def lie(self, type, **fields):
    try:
        with open('lie') as file:
            fields.update(eval(file.read()) if type == 'ready' else {})
    except FileNotFoundError:
        pass
    send(self, type, **fields)
control.ControlChannel.send = lie
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'served']
`

for (const [what, fields, reason] of [
  [
    'more slots than there can be',
    '{"slots": 2**53 - 1}',
    /sent field 'slots' of message 'ready', which is 9007199254740991/,
  ],
  ['other slots than it was told', '{"slots": 3}', /says that it has 3 slots, and not 1/],
  ['another socket than its own', '{"socket": "/tmp/w1.sock"}', /listens on \/tmp\/w1\.sock, and not on /],
] as const) {
  test(`workers that claim ${what} end a start after three tries, and the gateway stands`, async t => {
    const project = new Project(t, { 'app.py': LIAR, lie: fields })
    const server = await startServer({ app: 'app', directory: project.directory, waitReady: false })
    server.expectLog(reason, /workers die before they serve, 3 times in a row; the last one was not believed: it /)
    await server.ended(1)
    assert.ok(!server.log.some(line => /gateway .*(exited|killed)/.test(line)), server.log.join('\n'))
  })
}

test('a new worker that lies is replaced with back-off, the other one serves on, and an honest one takes its place', async t => {
  const project = new Project(t, { 'app.py': LIAR })
  const server = await startServer({ app: 'app', directory: project.directory, args: ['-w', '2'] })
  server.expectLog(/sent field 'slots'/, /was killed by SIGKILL/)
  project.save('lie', '{"slots": -1}')
  process.kill(server.workers()[0]!.pid, 'SIGKILL')
  await until(
    () =>
      server.log.filter(line => /is replaced: it sent field 'slots' .*, which is -1 and should be/.test(line)).length >
      1,
    () => server.log.join('\n'),
  )
  await server.waitForLog(/is replaced: it sent field 'slots' .*; \d+ died early in a row, the next is started in /)
  assert.equal((await getOnce(server.port, '/')).body.toString(), 'served')
  rmSync(project.path('lie'))
  await untilServedByTwo(server)
  await server.stop()
})

async function untilServedByTwo(server: Server): Promise<void> {
  const before = new Set(server.workers().map(({ pid }) => pid))
  await until(
    () => server.workers().length === 2,
    () => `workers ${JSON.stringify([...before])}; ${server.log.join('\n')}`,
  )
  assert.equal((await getOnce(server.port, '/')).status, 200)
}

/** The directory of the application. */
function runtimeDirectory(server: Server): string {
  const name = readdirSync(server.temporaryDirectory).find(one => one.startsWith('jumak-'))
  assert.ok(name, 'a runtime directory')
  return join(server.temporaryDirectory, name, 'default')
}

test('workers that close all that is open when they import end a start after three tries', async t => {
  const project = new Project(t, {
    'app.py': 'import os\nos.closerange(3, 256)\ndef application(environ, start_response): pass\n',
  })
  const server = await startServer({
    app: 'app',
    directory: project.directory,
    args: ['--preload', 'off'],
    waitReady: false,
  })
  server.expectLog(
    /is replaced: it has closed its connection to the master/,
    /workers die before they serve, 3 times in a row/,
  )
  await server.ended(1)
})

/** After each of these the program once started no more workers until its next start. */
const DISTURBANCES: Readonly<Record<string, readonly [(directory: string) => void, RegExp]>> = {
  'a control socket that is replaced by a link': [
    directory => {
      rmSync(join(directory, 'control.sock'))
      symlinkSync('/dev/null', join(directory, 'control.sock'))
    },
    /had something else in the place of its control\.sock, which was made again/,
  ],
  'a control socket that is moved away, with a link to it': [
    directory => {
      renameSync(join(directory, 'control.sock'), join(directory, 'w0.moved'))
      symlinkSync('w0.moved', join(directory, 'control.sock'))
    },
    /had something else in the place of its control\.sock/,
  ],
  'a control socket that is removed': [
    directory => rmSync(join(directory, 'control.sock')),
    /had lost its control\.sock, which was made again/,
  ],
  'a directory that is removed': [
    directory => rmSync(directory, { recursive: true }),
    /had disappeared and was made again/,
  ],
  'a directory that is replaced by a link': [
    directory => {
      rmSync(directory, { recursive: true })
      symlinkSync('/nowhere', directory)
    },
    /had been replaced and was made again/,
  ],
  'the directory of the run removed': [
    directory => rmSync(dirname(directory), { recursive: true }),
    /directory \/.*\/(jumak-\w+|default) had disappeared and was made again/,
  ],
  'a control socket that is replaced by a directory with files': [
    directory => {
      rmSync(join(directory, 'control.sock'))
      mkdirSync(join(directory, 'control.sock', 'w0'), { recursive: true })
    },
    /had something else in the place of its control\.sock, which was made again/,
  ],
  'everything in it removed, as cleaners of temporary files do': [
    directory => {
      for (const name of readdirSync(directory)) rmSync(join(directory, name))
    },
    /had lost its control\.sock/,
  ],
}

for (const [what, [disturb, warning]] of Object.entries(DISTURBANCES)) {
  test(`${what}: the next worker comes up all the same, and the log says it`, async () => {
    const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '2'] })
    server.expectLog(warning, /was killed by SIGKILL/)
    const directory = runtimeDirectory(server)
    const [victim] = server.workers()
    disturb(directory)
    process.kill(victim!.pid, 'SIGKILL')
    await until(
      () => server.workers().length === 2 && !server.workers().some(({ pid }) => pid === victim!.pid),
      () => server.log.join('\n'),
    )
    await server.waitForLog(warning)
    await until(
      () => readdirSync(directory).some(name => /^w3\.sock(\.0)?$/.test(name)),
      () => `${readdirSync(directory)}; ${server.log.join('\n')}`,
    )
    assert.ok(lstatSync(directory).isDirectory())
    assert.ok(lstatSync(join(directory, 'control.sock')).isSocket())
    assert.equal((await getOnce(server.port, '/hello')).status, 200)
    for (const name of readdirSync(directory).filter(one => one.startsWith('w0.')))
      rmSync(join(directory, name), { recursive: true })
    await server.stop()
  })
}

test('a place that is taken where the next worker wants to listen is cleared by it', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'] })
  server.expectLog(/was killed by SIGKILL/)
  const directory = runtimeDirectory(server)
  writeFileSync(join(directory, 'w2.sock'), '')
  process.kill(server.workers()[0]!.pid, 'SIGKILL')
  await until(
    () => lstatSync(join(directory, 'w2.sock'), { throwIfNoEntry: false })?.isSocket() === true,
    () => server.log.join('\n'),
  )
  assert.equal((await getOnce(server.port, '/hello')).status, 200)
  await server.stop()
})

test('a place that is taken where the output of the next worker goes costs one try', async () => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'] })
  server.expectLog(/was killed by SIGKILL/, /worker 2 could not be forked: .*File exists/)
  const directory = runtimeDirectory(server)
  mkdirSync(join(directory, 'w2.out'))
  process.kill(server.workers()[0]!.pid, 'SIGKILL')
  await until(
    () => existsSync(join(directory, 'w3.sock')),
    () => server.log.join('\n'),
  )
  assert.equal((await getOnce(server.port, '/hello')).status, 200)
  rmSync(join(directory, 'w2.out'), { recursive: true })
  await server.stop()
})

test('a process of the same user that takes a number for its own is refused, and the log says so', async t => {
  const project = new Project(t, { 'app.py': LIAR })
  const server = await startServer({ app: 'app', directory: project.directory, args: ['-w', '1'] })
  server.expectLog(/a process that says that it is worker 1 was refused: it does not know its token/)
  const hello = { type: 'hello', build: version, worker: 1, pid: server.workers()[0]!.pid, token: 'a'.repeat(32) }
  const stranger = connect(join(runtimeDirectory(server), 'control.sock'))
  stranger.write(`${JSON.stringify(hello)}\n`)
  await once(stranger.resume(), 'close')
  assert.equal((await getOnce(server.port, '/')).body.toString(), 'served')
  await server.stop()
})

test('directories where a worker had its socket and its output do not end the program', async t => {
  const project = new Project(t, { 'app.py': LIAR })
  const server = await startServer({ app: 'app', directory: project.directory, args: ['-w', '1'] })
  server.expectLog(/was killed by SIGKILL/)
  const directory = runtimeDirectory(server)
  for (const name of ['w1.sock', 'w1.out']) {
    rmSync(join(directory, name))
    mkdirSync(join(directory, name, 'deep'), { recursive: true })
  }
  process.kill(server.workers()[0]!.pid, 'SIGKILL')
  await until(
    () => existsSync(join(directory, 'w2.sock')),
    () => server.log.join('\n'),
  )
  assert.equal((await getOnce(server.port, '/')).body.toString(), 'served')
  for (const name of ['w1.sock', 'w1.out']) rmSync(join(directory, name), { recursive: true })
  await server.stop()
})

test('a worker does not say hello to somebody else at the control socket', {
  skip: process.platform !== 'linux',
}, async t => {
  const heard: string[] = []
  const stranger = createServer(socket => socket.on('data', data => heard.push(String(data))))
  t.after(() => stranger.close())
  // The stranger takes the place after the master has looked, and before the worker connects.
  const project = new Project(t, {
    'app.py': `
import os, socket, sys, time
directory = os.environ['RUNTIME']
if os.path.exists('steal'):
    name = os.path.join(directory, next(one for one in os.listdir(directory) if one.startswith('jumak-')), 'default', 'control.sock')
    original = socket.socket.connect
    def connect(self, address):
        return original(self, os.environ['STRANGER'] if address == name else address)
    socket.socket.connect = connect
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'served']
`,
    steal: '',
  })
  const path = project.path('stranger.sock')
  await new Promise<void>(resolve => stranger.listen(path, resolve))
  const server = await startServer({
    app: 'app',
    directory: project.directory,
    waitReady: false,
    args: ['-w', '1', '--temp-dir', project.directory],
    env: { RUNTIME: project.directory, STRANGER: path },
  })
  server.expectLog(
    /worker 1 cannot reach the master: its control\.sock leads to process \d+/,
    /worker \d .*exited with code 1/,
    /workers die before they serve/,
  )
  await server.ended(1)
  assert.deepEqual(heard, [])
})
