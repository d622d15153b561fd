/** `--gateway-user`: application and gateway are two users, neither reaches more of the other than the sockets of workers. Needs root. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { version } from '../../src/base/version.ts'
import { ask, makeDirectory } from '../support/life.ts'
import { Project, temporaryDirectory } from '../support/project.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'

const PYTHON = '/usr/bin/python3'
const hasTools = existsSync(PYTHON) && spawnSync('setpriv', ['--version']).status === 0
const asRoot = { skip: !(process.getuid?.() === 0 && hasTools) && `needs root, setpriv and ${PYTHON}` }
const idOf = (flag: '-u' | '-g', user: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
const [APPLICATION, GATEWAY, OTHER] = ['nobody', 'games', 'daemon']

interface Apart {
  readonly server: Server
  /** The directory of the run, and in it that of the application. */
  readonly run: string
  readonly own: string
}

async function startApart(t: TestContext, directory: string, more: readonly string[] = [], file = ''): Promise<Apart> {
  const place = temporaryDirectory(t)
  // As /tmp: everybody may make files there.
  chmodSync(place, 0o1777)
  const args = ['--user', APPLICATION, '--gateway-user', GATEWAY, '--temp-dir', place, ...more]
  const server = await startServer({ app: 'app', directory, args, python: PYTHON, env: { JT_FILE: file } })
  const name = readdirSync(place).find(one => one.startsWith('jumak-'))
  assert.ok(name)
  return { server, run: join(place, name), own: join(place, name, 'default') }
}

function rights(path: string): string {
  const { uid, gid, mode } = lstatSync(path)
  return `${uid} ${gid} ${(mode & 0o7777).toString(8)}`
}

function userOf(pid: number): number {
  return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1])
}

/** What Python says as this user: the value of the expression, or the name of the exception. */
function tryAs(user: string, expression: string, ...values: string[]): string {
  const source = `
import os, socket, sys
def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    return sock
def say(path, text):
    sock = connect(path)
    sock.sendall(text.encode() + b"\\n")
    return sock.recv(100)
try:
    print(eval(sys.argv[1]))
except OSError as error:
    print(type(error).__name__)
`
  const become = ['--reuid', user, '--regid', String(idOf('-g', user)), '--clear-groups']
  const args = [...become, PYTHON, '-c', source, expression, ...values]
  return execFileSync('setpriv', args, { encoding: 'utf8', cwd: '/' }).trim()
}

test('each process is who it should be, and nobody else lists, enters, connects or poses', asRoot, async t => {
  const { server, run, own } = await startApart(t, makeDirectory(t), ['-w', '1'])
  const [uid, gid, gateway, gatewayGroup] = [
    idOf('-u', APPLICATION),
    idOf('-g', APPLICATION),
    idOf('-u', GATEWAY),
    idOf('-g', GATEWAY),
  ]
  assert.deepEqual((await ask(server.port)).ids, [uid, uid, gid, gid])
  assert.equal(userOf(server.gateway().pid), gateway)
  assert.equal(userOf(server.preloader().pid), uid)
  assert.deepEqual(
    ['.', 'master.sock', 'default', 'default/control.sock', 'default/w1.sock', 'default/w1.out'].map(name =>
      rights(join(run, name)),
    ),
    [
      '0 0 711',
      '0 0 600',
      `${uid} ${gatewayGroup} 2710`,
      `${uid} ${gatewayGroup} 600`,
      `${uid} ${gatewayGroup} 660`,
      `${uid} ${gatewayGroup} 600`,
    ],
  )
  const control = join(own, 'control.sock')
  const [socket, output] = [join(own, 'w1.sock'), join(own, 'w1.out')]
  const hello = { type: 'hello', build: version, worker: 1, pid: server.workers()[0]!.pid, token: 'a'.repeat(32) }
  for (const [user, expression, expected] of [
    [OTHER, 'os.listdir(sys.argv[2])', 'PermissionError'],
    [OTHER, 'os.listdir(sys.argv[3])', 'PermissionError'],
    [OTHER, 'os.stat(sys.argv[4])', 'PermissionError'],
    [OTHER, 'connect(sys.argv[4])', 'PermissionError'],
    [OTHER, 'connect(sys.argv[5])', 'PermissionError'],
    [OTHER, 'connect(sys.argv[2] + "/master.sock")', 'PermissionError'],
    [OTHER, 'os.rename(sys.argv[3], sys.argv[3] + "2")', 'PermissionError'],
    [APPLICATION, 'os.rename(sys.argv[3], sys.argv[3] + "2")', 'PermissionError'],
    [APPLICATION, 'os.listdir(sys.argv[2])', 'PermissionError'],
    [APPLICATION, 'connect(sys.argv[2] + "/master.sock")', 'PermissionError'],
    // The gateway needs the sockets of workers, and nothing else.
    [GATEWAY, 'connect(sys.argv[5]) is not None', 'True'],
    [GATEWAY, 'os.listdir(sys.argv[3])', 'PermissionError'],
    [GATEWAY, 'connect(sys.argv[4])', 'PermissionError'],
    [GATEWAY, 'open(sys.argv[6])', 'PermissionError'],
    [GATEWAY, 'os.unlink(sys.argv[5])', 'PermissionError'],
    // The application's user reaches the control socket. There the token decides.
    [APPLICATION, 'say(sys.argv[4], sys.argv[7])', "b''"],
  ] as const)
    assert.equal(
      tryAs(user, expression, run, own, control, socket, output, JSON.stringify(hello)),
      expected,
      `${user}: ${expression}`,
    )
  server.expectLog(/a process that says that it is worker 1 was refused: it does not know its token/)
  await server.stop()
})

test('files of the application arrive whole, and the gateway opens none of them', asRoot, async t => {
  const directory = makeDirectory(t)
  const file = join(directory, 'large')
  const content = Buffer.alloc(3_000_000, 'abcdefghij')
  writeFileSync(file, content, { mode: 0o600 })
  execFileSync('chown', [APPLICATION, file])
  const { server } = await startApart(t, directory, ['-w', '1'], file)
  for (let i = 0; i < 3; i++) {
    const response = await getOnce(server.port, '/file')
    assert.equal(response.status, 200)
    assert.ok(response.body.equals(content))
  }
  // Larger than the memory buffer: a temporary file of the gateway's takes it.
  const upload = new RawClient(server.port)
  upload.send('POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 8000000\r\n\r\n').send(Buffer.alloc(8_000_000))
  assert.equal((await upload.response()).body.toString(), '8000000')
  upload.close()
  await server.stop()
})

test('so do those of an ASGI application', asRoot, async t => {
  const project = new Project(t, {
    'app.py': `
async def app(scope, receive, send):
    assert scope['type'] == 'http'
    await send({'type': 'http.response.start', 'status': 200, 'headers': []})
    if scope['path'] == '/path':
        await send({'type': 'http.response.pathsend', 'path': scope['query_string'].decode()})
    else:
        with open(scope['query_string'].decode(), 'rb') as file:
            await send({'type': 'http.response.zerocopysend', 'file': file, 'offset': 10})
`,
  })
  chmodSync(project.directory, 0o755)
  const content = Buffer.alloc(3_000_000, 'abcdefghij')
  writeFileSync(project.path('large'), content, { mode: 0o600 })
  execFileSync('chown', [APPLICATION, project.path('large')])
  const { server } = await startApart(t, project.directory, ['--lifespan', 'off'])
  const query = `?${project.path('large')}`
  assert.ok((await getOnce(server.port, `/path${query}`)).body.equals(content))
  assert.ok((await getOnce(server.port, `/zero${query}`)).body.equals(content.subarray(10)))
  await server.stop()
})

test('a worker, the gateway and a generation are replaced as ever', asRoot, async t => {
  const { server, own } = await startApart(t, makeDirectory(t), ['-w', '1'])
  const uid = idOf('-u', APPLICATION)
  server.expectLog(/worker 1 .* was killed by SIGKILL/, /the gateway was killed by SIGKILL/)
  process.kill(server.workers()[0]!.pid, 'SIGKILL')
  await until(
    () => existsSync(join(own, 'w2.sock')),
    () => server.log.join('\n'),
  )
  assert.equal((await ask(server.port)).ids[0], uid)
  process.kill(server.gateway().pid, 'SIGKILL')
  assert.equal((await ask(server.port)).ids[0], uid)
  assert.equal(userOf(server.gateway().pid), idOf('-u', GATEWAY))
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  assert.equal((await ask(server.port)).ids[0], uid)
  await server.stop()
})

test('a hostile application cannot make root do anything, nor end the program', asRoot, async t => {
  const { server, run, own } = await startApart(t, makeDirectory(t), ['-w', '1'])
  const secret = join(temporaryDirectory(t), 'secret')
  mkdirSync(secret)
  writeFileSync(join(secret, 'kept'), 'kept', { mode: 0o600 })
  const before = [rights(secret), rights(join(secret, 'kept'))]
  const fill = `[
    [os.path.lexists(path) and os.unlink(path) for path in [sys.argv[2] + "/" + name for name in ("control.sock", "w1.sock", "w1.out")]],
    os.symlink(sys.argv[3] + "/kept", sys.argv[2] + "/control.sock"),
    os.symlink(sys.argv[3], sys.argv[2] + "/w1.sock"),
    os.makedirs(sys.argv[2] + "/w1.out/deep"),
    os.symlink(sys.argv[3] + "/kept", sys.argv[2] + "/w2.out"),
    os.makedirs(sys.argv[2] + "/w2.sock"),
    os.mkfifo(sys.argv[2] + "/w4.out"),
    os.chmod(sys.argv[2], 0o777),
  ] and "done"`
  server.expectLog(/was killed by SIGKILL/, /the directory .* had mode 777, and has mode 2710 again/)
  server.mayLog(/control\.sock, which was made again/, /could not be forked/, /exited with code 1/)
  assert.equal(tryAs(APPLICATION, fill, own, secret), 'done')
  process.kill(server.workers()[0]!.pid, 'SIGKILL')
  // A worker whose socket or output cannot be made is replaced by the next one.
  await until(
    () => readdirSync(own).some(name => /^w[2-9]\.sock$/.test(name) && lstatSync(join(own, name)).isSocket()),
    () => server.log.join('\n'),
  )
  assert.equal((await getOnce(server.port, '/')).status, 200)
  assert.deepEqual([rights(secret), rights(join(secret, 'kept'))], before)
  assert.equal(readFileSync(join(secret, 'kept'), 'latin1'), 'kept')
  assert.equal(statSync(run).mode & 0o777, 0o711)
  await server.stop()
  assert.deepEqual([rights(secret), rights(join(secret, 'kept'))], before)
  assert.deepEqual(readdirSync(secret), ['kept'])
})
