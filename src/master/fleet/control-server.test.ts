import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { version } from '../../base/version.ts'
import { type ControlServer, type HelloReceiver, listenForWorkers } from './control-server.ts'

let directory: string
let server: ControlServer
let path: string
let hellos: string[]
let refused: string[]
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'jt-'))
  path = join(directory, 'control.sock')
  hellos = []
  refused = []
  const onHello: HelloReceiver = (channel, { worker, pid, token }) => {
    hellos.push(`${worker} ${pid} ${token}`)
    channel.send({ type: 'stop' })
    return worker === 1
  }
  server = listenForWorkers(path, onHello, reason => refused.push(reason))
})
afterEach(() => {
  server.close()
  rmSync(directory, { recursive: true })
})

/** Sends, and waits for the answer, or for the end (''). */
async function say(text: string): Promise<string> {
  const socket = connect(path)
  socket.on('error', () => {})
  socket.write(text)
  const answer = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [''])])
  socket.destroy()
  return String(answer[0])
}

const hello = (worker: number, build = version) =>
  `${JSON.stringify({ type: 'hello', build, worker, pid: 42, token: 't' })}\n`

test('a hello of the same build is handed on with its connection', async () => {
  assert.equal(await say(hello(1)), '{"type":"stop"}\n')
  assert.deepEqual([hellos, refused], [['1 42 t'], []])
})

test('another build is refused', async () => {
  assert.equal(await say(hello(1, '0.0.0-old')), '')
  assert.deepEqual(hellos, [])
  assert.match(refused[0]!, /build 0\.0\.0-old was refused/)
})

test('anything before hello is refused', async () => {
  assert.equal(await say('{"type":"load-failed","message":"","traceback":""}\n'), '')
  assert.match(refused[0]!, /said 'load-failed' before hello/)
})

test('junk is refused', async () => {
  assert.equal(await say('GET / HTTP/1.1\r\n\r\n'), '')
  assert.match(refused[0]!, /not JSON/)
})

test('it knows whether its socket is at its path', async () => {
  assert.ok(server.isThere)
  renameSync(path, `${path}.moved`)
  assert.ok(!server.isThere)
  symlinkSync(`${path}.moved`, path)
  assert.ok(!server.isThere)
  rmSync(path)
  server.listenAgain()
  assert.ok(server.isThere)
  assert.equal(await say(hello(1)), '{"type":"stop"}\n')
})

test('a link in the place of its socket is not followed, neither to listen nor at the end', async () => {
  const target = join(directory, 'other.sock')
  for (const exists of [false, true]) {
    if (exists) writeFileSync(target, 'of another')
    rmSync(path)
    symlinkSync(target, path)
    server.listenAgain()
    assert.equal(existsSync(target), exists)
    assert.ok(server.isThere)
  }
  rmSync(path)
  symlinkSync(target, path)
  server.close()
  assert.equal(readFileSync(target, 'utf8'), 'of another')
})

test('connections that say nothing do not pile up: the oldest goes', async () => {
  const silent = Array.from({ length: 129 }, () => connect(path))
  await once(silent[0]!.resume(), 'close')
  for (const socket of silent) socket.destroy()
  assert.equal(await say(hello(1)), '{"type":"stop"}\n')
})

test('a connection that says nothing leaves no trace', async () => {
  const socket = connect(path)
  await once(socket, 'connect')
  socket.end()
  await once(socket.resume(), 'close')
  assert.deepEqual([hellos, refused], [[], []])
})

test('with --user it is made in the name of the user, who owns the directory', {
  skip: process.getuid?.() !== 0 && 'needs root, to be another user',
}, async t => {
  const theirs = join(directory, 'theirs')
  mkdirSync(theirs)
  for (const path of [directory, theirs]) chownSync(path, 65_534, 65_534)
  const own = join(theirs, 'control.sock')
  const identity = { uid: 65_534, gid: 65_534, userName: '' }
  const control = listenForWorkers(
    own,
    () => false,
    () => {},
    identity,
  )
  t.after(() => control.close())
  assert.equal(lstatSync(own).uid, identity.uid)
  assert.equal(lstatSync(own).mode & 0o777, 0o600)
  rmSync(own)
  control.listenAgain()
  assert.equal(lstatSync(own).uid, identity.uid)
})
