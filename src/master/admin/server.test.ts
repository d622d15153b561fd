/** The admin socket with clients of any kind: it answers, refuses or closes, and never fails. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { MAX_QUESTION } from '../../control/admin-messages.ts'
import { findAdminPath } from '../host/admin-path.ts'
import { type Answer, listenForCommands } from './server.ts'

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'ja-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

/** Answers with the command. */
const echo: Answer = async ({ command }) => ({
  jumak: 1,
  ok: true,
  command: command as 'stop',
  message: `did ${command}`,
})

async function listen(t: TestContext, answer: Answer = echo, idleMs?: number) {
  const path = join(directoryOf(t), 'a.sock')
  const place = await findAdminPath({ paths: [path], isAuto: false }, [])
  assert.ok('place' in place)
  const server = listenForCommands(place, answer, idleMs)
  t.after(() => server.close())
  return { path, server }
}

async function open(t: TestContext, path: string): Promise<Socket> {
  const socket = connect({ path })
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** All that comes until the other side ends. */
async function all(socket: Socket): Promise<Record<string, unknown>[]> {
  const lines = (await text(socket)).split('\n')
  assert.equal(lines.pop(), '')
  return lines.map(line => JSON.parse(line))
}

const question = (fields: object) => `${JSON.stringify({ jumak: 1, ...fields })}\n`

test('questions are answered in order, however their bytes are cut', async t => {
  const { path } = await listen(t)
  for (const size of [1, 7, 10_000]) {
    const socket = await open(t, path)
    const bytes = Buffer.from(
      question({ command: 'stop' }) + question({ command: 'reload' }) + question({ command: 'stop' }),
    )
    for (let i = 0; i < bytes.length; i += size) socket.write(bytes.subarray(i, i + size))
    socket.end()
    assert.deepEqual(
      (await all(socket)).map(answer => answer['message']),
      ['did stop', 'did reload', 'did stop'],
    )
  }
})

test('a client that has sent its question may close its side: it gets the answer', async t => {
  const asked = Promise.withResolvers<void>()
  const { path } = await listen(t, async (one, tell) => {
    tell('half')
    await asked.promise
    return echo(one, tell)
  })
  const socket = await open(t, path)
  socket.end(question({ command: 'reload' }))
  const [chunk] = await once(socket, 'data')
  assert.equal(String(chunk), '{"jumak":1,"progress":"half"}\n')
  asked.resolve()
  assert.deepEqual(await all(socket), [{ jumak: 1, ok: true, command: 'reload', message: 'did reload' }])
})

test('what is no question is answered with the reason, and the next question is answered', async t => {
  let count = 0
  const { path } = await listen(t, (one, tell) => {
    count++
    return echo(one, tell)
  })
  const socket = await open(t, path)
  socket.write('\n{}\n\xff\xfe\x00\n{"jumak":1,"command":"stop","app":"x"}\n')
  socket.end(question({ command: 'stop' }))
  const answers = await all(socket)
  assert.deepEqual(
    answers.map(answer => answer['ok']),
    [false, false, false, false, true],
  )
  assert.match(String(answers[3]!['error']), /stop has no field "app"/)
  assert.equal(count, 1)
})

for (const [what, bytes] of [
  ['a line that never ends', 'x'.repeat(MAX_QUESTION + 1)],
  ['a line of a megabyte', `${'x'.repeat(1024 * 1024)}\n${question({ command: 'stop' })}`],
] as const)
  test(`${what} is refused, and nothing behind it is obeyed`, async t => {
    const { path } = await listen(t, () => assert.fail('obeyed'))
    const socket = await open(t, path)
    socket.write(bytes)
    assert.deepEqual(await all(socket), [{ jumak: 1, ok: false, error: `a question may have ${MAX_QUESTION} bytes` }])
  })

test('who says nothing, or half of a question, is not waited for', async t => {
  const { path } = await listen(t, echo, 50)
  for (const said of ['', '{"jumak":1,']) {
    const socket = await open(t, path)
    socket.write(said)
    socket.resume()
    await once(socket, 'close')
  }
})

test('who does not read a large answer is not waited for', async t => {
  const large: Answer = async () => ({ jumak: 1, ok: false, error: 'x'.repeat(8 * 1024 * 1024) })
  const { path } = await listen(t, large, 50)
  const socket = await open(t, path)
  socket.write(question({ command: 'stop' }))
  await new Promise<void>(resolve => {
    // The server gives up: a write fails then.
    const timer = setInterval(() => socket.write('x'), 10)
    socket.on('error', () => {
      clearInterval(timer)
      resolve()
    })
  })
})

test('more connections than a few are closed, and the others are served', async t => {
  const { path } = await listen(t)
  const sockets = await Promise.all(Array.from({ length: 16 }, () => open(t, path)))
  const socket = await open(t, path)
  socket.resume()
  await once(socket, 'close')
  sockets[0]!.end(question({ command: 'stop' }))
  assert.equal((await all(sockets[0]!)).length, 1)
})

test('a client that dies while it waits disturbs nobody', async t => {
  const asked = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const { path } = await listen(t, async (one, tell) => {
    begun.resolve()
    await asked.promise
    tell('late')
    return echo(one, tell)
  })
  const gone = await open(t, path)
  gone.write(question({ command: 'reload' }))
  await begun.promise
  gone.destroy()
  asked.resolve()
  const socket = await open(t, path)
  socket.end(question({ command: 'stop' }))
  assert.equal((await all(socket)).at(-1)!['message'], 'did stop')
})

test('the end of the server closes the connections, and removes the socket', async t => {
  const { path, server } = await listen(t)
  const socket = await open(t, path)
  socket.resume()
  server.close()
  await once(socket, 'close')
  assert.equal(existsSync(path), false)
})

// ---- the place --------------------------------------------------------------------------------------------------

test('the socket is for its user only, and nothing else is left beside it', async t => {
  const { path } = await listen(t)
  assert.equal(lstatSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(join(path, '..')), ['a.sock'])
})

test('a directory is made for it, for its user only', async t => {
  const path = join(directoryOf(t), 'jumak', 'a.sock')
  const place = await findAdminPath({ paths: [path], isAuto: true }, [])
  assert.ok('place' in place)
  assert.equal(lstatSync(join(path, '..')).mode & 0o777, 0o700)
})

test('a dead socket is replaced, and one that answers is not', async t => {
  const directory = directoryOf(t)
  const path = join(directory, 'a.sock')
  const dead = createServer().listen(join(directory, 'b'))
  // It loses its name, so that it does not remove the file at its end.
  renameSync(join(directory, 'b'), path)
  assert.ok('problem' in (await findAdminPath({ paths: [path], isAuto: true }, [])))
  dead.close()
  await once(dead, 'close')
  assert.ok(existsSync(path))
  const place = await findAdminPath({ paths: [path], isAuto: false }, [])
  assert.ok('place' in place)
  const server = listenForCommands(place, echo)
  t.after(() => server.close())
  const again = await findAdminPath({ paths: [path], isAuto: false }, [])
  assert.ok('problem' in again)
  assert.match(again.problem, /^another program with the same configuration has .*--admin-socket PATH$/)
})

test('the socket of a program that took the path meanwhile is not removed', async t => {
  const { path, server } = await listen(t)
  rmSync(path)
  writeFileSync(path, 'of another')
  server.close()
  assert.ok(existsSync(path))
})

test('a directory that is a link, or open to others, is not used, and the next one is', async t => {
  const directory = directoryOf(t)
  symlinkSync('/tmp', join(directory, 'link'))
  mkdirSync(join(directory, 'wide'))
  chmodSync(join(directory, 'wide'), 0o777)
  const paths = ['link', 'wide', 'nowhere/deep', 'good'].map(name => join(directory, name, 'a.sock'))
  const place = await findAdminPath({ paths, isAuto: true }, [])
  assert.ok('place' in place)
  assert.equal(place.path, paths.at(-1))
  const none = await findAdminPath({ paths: paths.slice(0, 2), isAuto: true }, [])
  assert.ok('problem' in none)
  assert.match(none.problem, /link is no directory; other users may write to .*wide: name a path with --admin-socket/)
})

test('a file that is no socket stays, and a path that the operator named is an error', async t => {
  const path = join(directoryOf(t), 'a.sock')
  writeFileSync(path, 'precious')
  await assert.rejects(findAdminPath({ paths: [path], isAuto: false }, []), {
    message: `cannot make the admin socket ${path}: a file that is no socket is there; name another path with --admin-socket`,
  })
  assert.ok('problem' in (await findAdminPath({ paths: [path], isAuto: true }, [])))
  assert.ok(existsSync(path))
})

test('root puts it nowhere that the user of the workers could replace', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async t => {
  const directory = directoryOf(t)
  const identity = { uid: 65_534, gid: 65_534, userName: '' }
  const socket = { paths: [join(directory, 'inner', 'a.sock')], isAuto: false }
  mkdirSync(join(directory, 'inner'))
  assert.ok('place' in (await findAdminPath(socket, [identity])))
  chownSync(join(directory, 'inner'), 65_534, 65_534)
  await assert.rejects(findAdminPath(socket, [identity]), /can change .*inner, and so take the place of the socket/)
  chownSync(join(directory, 'inner'), 0, 0)
  chownSync(directory, 65_534, 65_534)
  await assert.rejects(findAdminPath(socket, [identity]), /can change .*, and so take the place of the socket/)
})
