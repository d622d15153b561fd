/** A client's socket in another process, which is Python. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { socketPassing } from './passing.ts'

/** Gets a socket, sends back what comes on it, and says `last` when its connection to us ends. */
const OTHER = `
import os, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
way, fds, _, _ = socket.recv_fds(link, 1, 1)
assert way == b"\\1", way
client = socket.socket(fileno=fds[0])
client.setblocking(True)
while True:
    data = client.recv(65536)
    if not data:
        break
    client.sendall(data)
client.close()
`

async function accepted(server: Server): Promise<Socket> {
  return (await once(server, 'connection'))[0]
}

const descriptorOf = (socket: Socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd

test('a client speaks with the other process, and is ours again afterwards', async t => {
  const passing = socketPassing()
  if (passing === null) {
    assert.ok(process.platform !== 'linux' || !isBuiltin('node:ffi'))
    return
  }
  const directory = mkdtempSync(join(tmpdir(), 'jumak-passing-'))
  const links = createServer().listen(join(directory, 'link.sock'))
  const clients = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1')
  await Promise.all([once(links, 'listening'), once(clients, 'listening')])
  const client = connect({ ...(clients.address() as { port: number }), allowHalfOpen: true })
  t.after(() => {
    for (const one of [links, clients, client]) 'destroy' in one ? one.destroy() : one.close()
    rmSync(directory, { recursive: true })
  })
  const ours = await accepted(clients)
  const other = spawn('python3', ['-c', OTHER, join(directory, 'link.sock')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const link = await accepted(links)
  const fd = descriptorOf(ours)
  const before = passing.writtenBytes(fd)
  assert.equal(passing.pass(descriptorOf(link), fd, 1000), true)
  for (const text of ['soup', 'is', 'ready']) {
    client.write(text)
    assert.equal(String((await once(client, 'data'))[0]), text)
  }
  assert.equal(passing.writtenBytes(fd) - before, 'soupisready'.length)
  // Its next read must not hold up the event loop.
  client.end('last')
  const [code] = await once(other, 'exit')
  assert.equal(code, 0)
  passing.takeBack(fd)
  ours.resume()
  await once(ours, 'end')
  passing.cut(fd)
  ours.destroy()
  assert.equal(passing.pass(-1, 0, 0), false)
  link.destroy()
})
