import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { WorkerConnection } from './connection.ts'

const root = { skip: process.geteuid?.() !== 0 && 'needs root' }
const linux = { skip: process.platform !== 'linux' && 'needs Linux' }

/** `shop` has a worker that listens on `w1.sock`; `evil` has a directory of its own. */
async function scene(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'links-'))
  const [shop, evil] = ['shop', 'evil'].map(name => join(directory, name)) as [string, string]
  for (const one of [shop, evil]) mkdirSync(one)
  const accepted: Socket[] = []
  const server = createServer(socket => accepted.push(socket))
  const victim = join(shop, 'w1.sock')
  server.listen(victim)
  await once(server, 'listening')
  t.after(() => {
    for (const socket of accepted) socket.destroy()
    server.close()
    rmSync(directory, { recursive: true })
  })
  return { shop, evil, victim, own: join(evil, 'w2.sock'), server, accepted }
}

/** Connects. Resolves with why it broke. */
function tryTo(path: string): { connection: WorkerConnection; broke: Promise<string> } {
  const { promise: broke, resolve } = Promise.withResolvers<string>()
  const connection = new WorkerConnection(path, { stop() {} } as never, () => {}, resolve)
  return { connection, broke }
}

async function assertRefused(path: string, { server }: Awaited<ReturnType<typeof scene>>, why: RegExp): Promise<void> {
  const followed = once(server, 'connection').then(() => 'the victim has got a connection')
  assert.match(await Promise.race([tryTo(path).broke, followed]), why)
}

/** The server has accepted nothing: a connection of ours is the first that it sees. */
async function assertUntouched({ victim, server, accepted }: Awaited<ReturnType<typeof scene>>): Promise<void> {
  const next = once(server, 'connection')
  const { connection } = tryTo(victim)
  await next
  assert.equal(accepted.length, 1)
  connection.destroy()
}

const descriptors = () => readdirSync('/proc/self/fd').length

test('a link to the socket of another application is not followed', async t => {
  const found = await scene(t)
  symlinkSync(found.victim, found.own)
  await assertRefused(found.own, found, /w2\.sock is no socket: a symbolic link is not followed/)
  await assertUntouched(found)
})

test('what is no socket is refused, and nothing waits for it', async t => {
  const found = await scene(t)
  writeFileSync(found.own, '')
  await assertRefused(found.own, found, /w2\.sock is no socket/)
  await assertRefused(found.evil, found, /evil is no socket/)
  await assertRefused(join(found.evil, 'w3.sock'), found, /ENOENT/)
  await assertUntouched(found)
})

test('a socket of another user is refused, however it came there', root, async t => {
  for (const bring of [linkSync, renameSync]) {
    const found = await scene(t)
    chownSync(found.evil, 65534, 65534)
    bring(found.victim, found.own)
    await assertRefused(found.own, found, /w2\.sock belongs to user 0, its directory to user 65534/)
    chownSync(found.own, 65534, 65534)
    await assertUntouched({ ...found, victim: found.own })
  }
})

test('its own socket is reached, and no descriptor is left', linux, async t => {
  const found = await scene(t)
  symlinkSync(found.victim, found.own)
  const before = descriptors()
  for (const path of [found.own, found.evil, join(found.evil, 'w3.sock')]) await tryTo(path).broke
  assert.equal(descriptors(), before)
  const accepted = once(found.server, 'connection')
  const { broke } = tryTo(found.victim)
  await accepted
  assert.equal(descriptors(), before + 2, 'the two ends of the connection')
  found.accepted[0]!.destroy()
  assert.equal(await broke, 'closed by the worker')
})

test('a worker that does not listen any more: the reason names its socket', async t => {
  const found = await scene(t)
  renameSync(found.victim, found.own)
  found.server.close()
  assert.match(await tryTo(found.own).broke, /^connect ECONNREFUSED .*w2\.sock$/)
})
