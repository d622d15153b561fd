import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { OperatorError } from '../errors.ts'
import { HandedOnSockets } from './handed-on.ts'
import type { Listener } from './listener.ts'
import { bindListeners, explainTcp } from './listeners.ts'

const directory = mkdtempSync(join(tmpdir(), 'jt-'))
after(() => rmSync(directory, { recursive: true }))

const tcp = (host: string, port = 0) => ({ kind: 'tcp', host, port }) as const
const unix = (name: string) => ({ kind: 'unix', path: join(directory, name) }) as const

/** A process that listens on the inherited socket and answers every connection with `text`. */
async function startAcceptor(listener: Listener, text: string): Promise<ChildProcess> {
  const script = `require('net').createServer(s => s.end('${text}')).listen({ fd: 3 }, () => console.log('listening'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit', listener.fd] })
  await once(child.stdout!, 'data')
  return child
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function ask(options: net.NetConnectOpts): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of net.connect(options)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const portOf = (listener: Listener) => Number(/:(\d+)$/.exec(listener.display)?.[1])

async function refusal(...addresses: Parameters<typeof bindListeners>[0]): Promise<string> {
  const error = await bindListeners(addresses).then(
    () => assert.fail('it was bound'),
    (caught: unknown) => caught,
  )
  assert.ok(error instanceof OperatorError, String(error))
  return error.message
}

test('port 0 becomes a real port, and connections wait for the successor of a killed gateway', async () => {
  const [listener] = await bindListeners([tcp('127.0.0.1')])
  assert.ok(portOf(listener!) > 0)
  await end(await startAcceptor(listener!, 'first'))
  // No process accepts now: the kernel's queue takes the connection.
  const answer = ask({ port: portOf(listener!), host: '127.0.0.1' })
  const second = await startAcceptor(listener!, 'second')
  assert.equal(await answer, 'second')
  await end(second)
  listener!.close()
})

test('the display of IPv6 has brackets, and a host name is resolved', async () => {
  const [six, name] = await bindListeners([tcp('::1'), tcp('localhost')])
  assert.match(six!.display, /^http:\/\/\[::1\]:\d+$/)
  assert.match(name!.display, /^http:\/\/localhost:\d+$/)
  six!.close()
  name!.close()
})

test('a port that another program listens on is refused with advice', async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  assert.match(
    await refusal(tcp('127.0.0.1', port)),
    new RegExp(`http://127\\.0\\.0\\.1:${port}: another program .*--bind`),
  )
  server.close()
})

test('the same address twice is refused, and nothing stays bound', async () => {
  const [listener] = await bindListeners([tcp('127.0.0.1')])
  const port = portOf(listener!)
  listener!.close()
  assert.match(await refusal(tcp('127.0.0.1', port), tcp('127.0.0.1', port)), /twice/)
  const server = net.createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  server.close()
})

test('an address of another machine and a host without one are refused with advice', async () => {
  assert.match(await refusal(tcp('192.0.2.1')), /no interface of this machine/)
  assert.match(await refusal(tcp('no-such-host.invalid')), /has no address/)
})

test('a port below 1024 without the right to it comes with advice', () => {
  // Made by hand, because root and containers without the limit never get the real error.
  const error = Object.assign(new Error('bind EACCES'), { code: 'EACCES' })
  assert.match(explainTcp(error, 'http://0.0.0.0:80', 80).message, /http:\/\/0\.0\.0\.0:80: ports below 1024 .* 8080/)
})

test('a Unix socket appears only under its own name, open to all, and is removed at the end', async () => {
  const [listener] = await bindListeners([unix('a.sock')])
  assert.equal(listener!.display, `unix:${join(directory, 'a.sock')}`)
  assert.deepEqual(readdirSync(directory), ['a.sock'])
  assert.equal(statSync(listener!.unixPath!).mode & 0o777, 0o666)
  const child = await startAcceptor(listener!, 'unix')
  assert.equal(await ask({ path: listener!.unixPath! }), 'unix')
  await end(child)
  listener!.close()
  assert.deepEqual(readdirSync(directory), [])
})

test('a path that somebody took over is not removed', async () => {
  const [old] = await bindListeners([unix('b.sock')])
  const [successor] = await bindListeners([unix('b.sock')])
  old!.close()
  assert.ok(existsSync(successor!.unixPath!))
  successor!.close()
  assert.ok(!existsSync(successor!.unixPath!))
})

test('a stale socket of a killed predecessor is replaced', async () => {
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  const child = spawn(process.execPath, ['-e', script, join(directory, 'c.sock')], { stdio: 'inherit' })
  await once(child, 'exit')
  const before = lstatSync(join(directory, 'c.sock')).ino
  const [listener] = await bindListeners([unix('c.sock')])
  assert.notEqual(lstatSync(listener!.unixPath!).ino, before)
  listener!.close()
})

test('a Unix socket that a program answers on is refused', async () => {
  const server = net.createServer().listen(join(directory, 'd.sock'))
  await once(server, 'listening')
  assert.match(await refusal(unix('d.sock')), /another program does/)
  server.close()
})

test('a file that is no socket is refused, and stays', async () => {
  writeFileSync(join(directory, 'file'), 'precious')
  symlinkSync('file', join(directory, 'link'))
  assert.match(await refusal(unix('file')), /exists and is no socket/)
  assert.match(await refusal(unix('link')), /exists and is no socket/)
  assert.deepEqual(readdirSync(directory).sort(), ['file', 'link'])
})

test('a missing directory and a path that is too long are refused with advice', async () => {
  assert.match(await refusal(unix('nowhere/a.sock')), /there is no directory .*nowhere; create it/)
  assert.match(await refusal(unix('x'.repeat(104))), /may have 103 bytes, this one has \d+/)
})

test('when one address fails, those before it are released', async () => {
  assert.match(await refusal(unix('e.sock'), tcp('192.0.2.1')), /192\.0\.2\.1/)
  assert.ok(!existsSync(join(directory, 'e.sock')))
})

test('a socket that was renamed stays: closing removes only its own path', async () => {
  const [listener] = await bindListeners([unix('f.sock')])
  renameSync(listener!.unixPath!, join(directory, 'moved.sock'))
  listener!.close()
  assert.ok(existsSync(join(directory, 'moved.sock')))
})

test('a Unix socket has the mode of the settings, and belongs to the user of our children', async () => {
  const [plain, closed] = await bindListeners([unix('mode-1')]).then(async ([one]) => [
    one!,
    (await bindListeners([unix('mode-2')], { mode: 0o660 }))[0]!,
  ])
  assert.equal(statSync(plain!.unixPath!).mode & 0o777, 0o666)
  assert.equal(statSync(closed!.unixPath!).mode & 0o777, 0o660)
  plain!.close()
  closed!.close()
  if (process.getuid?.() !== 0) return
  const identity = { uid: 65_534, gid: 65_533, userName: '' }
  const [given] = await bindListeners([unix('mode-3')], { mode: 0o660, identity })
  const { uid, gid } = statSync(given!.unixPath!)
  assert.deepEqual([uid, gid], [65_534, 65_533])
  given!.close()
  assert.ok(!existsSync(given!.unixPath!))
})

/** A port that is free for both families at this moment. */
async function freePort(): Promise<number> {
  const [probe] = await bindListeners([tcp('::')])
  probe!.close()
  return portOf(probe!)
}

test('all addresses of IPv6 and of IPv4 may have the same port; those of IPv6 alone take IPv4 too', async () => {
  for (const ipv4 of ['0.0.0.0', '127.0.0.1']) {
    const port = await freePort()
    const both = await bindListeners([tcp('::', port), tcp(ipv4, port)])
    const acceptors = [await startAcceptor(both[0]!, 'six'), await startAcceptor(both[1]!, 'four')]
    assert.equal(await ask({ host: '::1', port }), 'six')
    assert.equal(await ask({ host: '127.0.0.1', port }), 'four')
    for (const acceptor of acceptors) await end(acceptor)
    for (const listener of both) listener.close()
  }
  const [alone] = await bindListeners([tcp('::')])
  const acceptor = await startAcceptor(alone!, 'both')
  assert.equal(await ask({ host: '127.0.0.1', port: portOf(alone!) }), 'both')
  await end(acceptor)
  alone!.close()
})

/** What the old master tells of its listeners. The new one has copies of the descriptors; here there is one process. */
const told = (listeners: readonly Listener[]) => listeners.map(({ close: _, ...rest }) => rest)

test('an address that is the same takes the socket that is handed on, whatever is spoken there; the path is removed only once it is ours', async () => {
  const addresses = [tcp('127.0.0.1'), unix('handed'), unix('gone')]
  const old = await bindListeners(addresses)
  const wanted = [unix('added'), unix('handed'), tcp('127.0.0.1')].map(one => ({ ...one, scheme: 'https' }))
  const script = `
    const { bindListeners } = await import(${JSON.stringify(join(import.meta.dirname, 'listeners.ts'))})
    const { HandedOnSockets } = await import(${JSON.stringify(join(import.meta.dirname, 'handed-on.ts'))})
    const told = ${JSON.stringify(told(old))}.map((one, index) => ({ ...one, fd: 3 + index }))
    const sockets = new HandedOnSockets(told)
    const bound = await bindListeners(${JSON.stringify(wanted)}, {}, sockets)
    sockets.closeRest()
    console.log(JSON.stringify([sockets.takenOf(told), bound.map(one => [one.fd, one.display, one.scheme])]))
    if (process.argv[1] === 'own') sockets.own()
    for (const listener of bound) listener.close()
  `
  const run = async (word: string) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, word], {
      stdio: ['ignore', 'pipe', 'inherit', ...old.map(({ fd }) => fd)],
    })
    const [[said]] = await Promise.all([once(child.stdout!, 'data'), once(child, 'exit')])
    return JSON.parse(String(said))
  }
  const [taken, [added, ...others]] = await run('')
  assert.deepEqual(taken, [0, 1])
  assert.deepEqual(added.slice(1), [`https://unix:${unix('added').path}`, 'https'])
  assert.deepEqual(others, [
    [4, `https://${old[1]!.display}`, 'https'],
    [3, `https://127.0.0.1:${portOf(old[0]!)}`, 'https'],
  ])
  assert.deepEqual([existsSync(unix('added').path), existsSync(unix('handed').path)], [false, true])
  await run('own')
  assert.equal(existsSync(unix('handed').path), false)
  for (const listener of old) listener.close()
  assert.equal(existsSync(unix('gone').path), false)
})

test('what the old program does not have, or has otherwise, is refused with what to do', async () => {
  const old = await bindListeners([tcp('::')])
  const port = portOf(old[0]!)
  const sockets = () => new HandedOnSockets(told(old))
  const acceptor = await startAcceptor(old[0]!, 'old')
  await assert.rejects(bindListeners([{ kind: 'fd', fd: 4 }], {}, sockets()), /only a restart can pass it on/)
  await assert.rejects(
    bindListeners([tcp('127.0.0.1', port)], {}, sockets()),
    /while the program that is replaced listens on http:\/\/\[::\]:\d+: an upgrade cannot change one into the other/,
  )
  await end(acceptor)
  old[0]!.close()
})

test('a Unix socket that is handed on keeps its mode and owner, and other settings are a warning', async () => {
  const old = await bindListeners([unix('mode'), tcp('127.0.0.1')], { mode: 0o660 })
  const sockets = new HandedOnSockets(told(old))
  await bindListeners([unix('mode')], { mode: 0o600 }, sockets)
  const { path } = unix('mode')
  assert.equal(statSync(path).mode & 0o777, 0o660)
  assert.deepEqual(sockets.differences(0o660, null), [])
  assert.deepEqual(sockets.differences(0o600, null), [
    `unix:${path} keeps mode 660, and the setting is 600: an upgrade leaves the file as it is; change it, or restart`,
  ])
  const [uid, other] = [process.geteuid!(), 65_534]
  const identity = { uid: other, gid: other, userName: 'nobody' } as Parameters<HandedOnSockets['differences']>[1]
  assert.match(
    sockets.differences(0o660, identity)[0]!,
    new RegExp(`keeps its owner, user ${uid}, and the gateway is user ${other}:`),
  )
  for (const listener of old) listener.close()
  assert.deepEqual(sockets.differences(0o600, identity), [])
})
