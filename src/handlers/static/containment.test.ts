/** No path ever leaves its directory, and only regular files are served. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { CHECK_MS } from './cache.ts'
import { isStillAt } from './files.ts'
import { LARGE, mockTime, Site } from './testing/site.ts'

test('RFC3986§6.2.2: a path in any disguise stays in its root', async t => {
  const site = new Site(t)
  writeFileSync(join(site.base, 'secret'), 'secret')
  site.write('.env', 'secret')
  site.write('a/.git/config', 'secret')
  site.write('a/b.css', 'b')
  site.write('a\\b', 'secret')
  for (const path of [
    '/static/../secret',
    '/static/a/../../secret',
    '/static/%2e%2e/secret',
    '/static/..%2fsecret',
    '/static/%252e%252e/secret',
    '/static/%c0%ae%c0%ae/secret',
    '/static/..\\secret',
    '/static/..%5csecret',
    '/static/a%5cb',
    '/static//secret',
    `/static/${site.base}/secret`,
    `/static/%2f${site.base.slice(1)}/secret`,
    '/static/a/b.css%00',
    '/static/a/b.css%00.png',
    '/static/.env',
    '/static/%2eenv',
    '/static/a/.git/config',
    '/static/./a/b.css',
  ])
    assert.equal((await site.get(path)).status, 299, path)
  assert.equal((await site.get('/static/a/b.css')).status, 200)
  assert.equal((await site.get('/static/a%2fb.css')).status, 200)
})

test('links that stay in the root are followed, links that leave it are not', async t => {
  const site = new Site(t)
  writeFileSync(join(site.base, 'secret'), 'secret')
  mkdirSync(join(site.base, 'root-of-another'))
  writeFileSync(join(site.base, 'root-of-another/x'), 'secret')
  site.write('a/b.css', 'b')
  symlinkSync('a', join(site.root, 'within'))
  symlinkSync(join(site.root, 'a/b.css'), join(site.root, 'absolute.css'))
  symlinkSync('../secret', join(site.root, 'out'))
  symlinkSync(join(site.base, 'secret'), join(site.root, 'a/out'))
  symlinkSync('..', join(site.root, 'up'))
  symlinkSync('../root-of-another', join(site.root, 'another'))
  symlinkSync('loop', join(site.root, 'loop'))
  symlinkSync('nowhere', join(site.root, 'broken'))
  symlinkSync('/proc/self/environ', join(site.root, 'environ'))
  for (const name of ['within/b.css', 'absolute.css'])
    assert.equal((await site.get(`/static/${name}`)).status, 200, name)
  for (const name of ['out', 'a/out', 'up/secret', 'another/x', 'loop', 'broken', 'environ', 'within/out'])
    assert.equal((await site.get(`/static/${name}`)).status, 299, name)
})

test('a compressed sibling that is a link out of the root is not served', async t => {
  const site = new Site(t)
  site.write('a.css', 'a')
  writeFileSync(join(site.base, 'secret.gz'), 'secret')
  symlinkSync('../secret.gz', join(site.root, 'a.css.gz'))
  const { body, headers } = await site.get('/static/a.css', 'accept-encoding', 'gzip')
  assert.equal(body.toString(), 'a')
  assert.equal(headers.get('vary'), undefined)
})

test('a root that is a link is followed anew when it is switched', async t => {
  const site = new Site(t)
  for (const release of ['1', '2']) site.write(`${release}/a.css`, `release ${release}`)
  const current = join(site.base, 'current')
  symlinkSync(join(site.root, '1'), current)
  site.files.setMounts([{ url: '/static/', directory: current }])
  const time = mockTime(t)
  assert.equal((await site.get('/static/a.css')).body.toString(), 'release 1')
  symlinkSync(join(site.root, '2'), `${current}.new`)
  renameSync(`${current}.new`, current)
  time.pass(CHECK_MS)
  assert.equal((await site.get('/static/a.css')).body.toString(), 'release 2')
})

test('a large file is opened where it was at the last look, unless something else is there now', async t => {
  const site = new Site(t)
  mockTime(t)
  for (const release of ['1', '2']) site.write(`${release}/a/large.bin`, Buffer.alloc(LARGE.length, release))
  const outside = join(site.base, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'large.bin'), Buffer.alloc(LARGE.length, 'secret'))
  const current = join(site.base, 'current')
  symlinkSync(join(site.root, '1'), current)
  site.files.setMounts([{ url: '/static/', directory: current }])
  const get = async () => {
    const { status, body } = await site.get('/static/a/large.bin')
    return status === 200 ? `${body.toString('latin1', 0, 6)}, ${body.length} bytes` : status
  }
  assert.equal(await get(), `111111, ${LARGE.length} bytes`)
  // The old release is gone, and the root leads to the new one.
  symlinkSync(join(site.root, '2'), `${current}.new`)
  renameSync(`${current}.new`, current)
  rmSync(join(site.root, '1'), { recursive: true })
  assert.equal(await get(), `222222, ${LARGE.length} bytes`)
  symlinkSync(join(site.root, '2'), join(site.root, '1'))
  assert.equal(await get(), `222222, ${LARGE.length} bytes`)
  // Its directory leads out of the root.
  rmSync(join(site.root, '1'))
  rmSync(join(site.root, '2/a'), { recursive: true })
  symlinkSync(outside, join(site.root, '2/a'))
  assert.equal(await get(), 299)
  mkdirSync(join(site.root, '1'))
  symlinkSync(outside, join(site.root, '1/a'))
  assert.equal(await get(), 299)
})

test('FIFOs, sockets and devices are no files, and a request for one never waits', async t => {
  const site = new Site(t)
  execFileSync('mkfifo', [join(site.root, 'fifo')])
  const server = createServer().listen(join(site.root, 'socket'))
  t.after(() => server.close())
  await new Promise(resolve => server.on('listening', resolve))
  for (const name of ['fifo', 'socket']) assert.equal((await site.get(`/static/${name}`)).status, 299, name)
  // Within its root, and yet no file.
  site.files.setMounts([{ url: '/dev/', directory: '/dev' }])
  for (const name of ['null', 'zero', 'tty']) assert.equal((await site.get(`/dev/${name}`)).status, 299, name)
})

/** Until it is terminated, `switched` is the directory, nothing for a moment, the link, nothing, and so on. */
const SWITCHING = `
const { renameSync } = require('node:fs')
const { parentPort, workerData: [switched, directory, link] } = require('node:worker_threads')
const move = (from, to) => { try { renameSync(from, to) } catch {} }
for (let turns = 0; ; turns++) {
  move(directory, switched)
  move(switched, directory)
  move(link, switched)
  move(switched, link)
  if (turns === 0) parentPort.postMessage('begun')
}
`

test('a directory that becomes a link while a file below it is opened leaks nothing, whichever file is opened', async t => {
  const site = new Site(t)
  const time = mockTime(t)
  const outside = join(site.base, 'outside')
  mkdirSync(outside)
  const secret = Buffer.alloc(LARGE.length, 'secret')
  for (const [name, size] of [
    ['small.css', 100],
    ['large.bin', LARGE.length],
    ['coded.js', 100],
    ['coded.js.gz', 90],
    ['coded.js.br', LARGE.length],
  ] as const) {
    site.write(`held/${name}`, Buffer.alloc(size, 'public'))
    writeFileSync(join(outside, name), secret.subarray(0, size))
  }
  symlinkSync(outside, join(site.base, 'link'))
  const paths = [join(site.root, 'switched'), join(site.root, 'held'), join(site.base, 'link')]
  const switching = new Worker(SWITCHING, { eval: true, workerData: paths })
  let served = 0
  try {
    await new Promise(resolve => switching.once('message', resolve))
    const ask = async (name: string, coding: string) => {
      for (let i = 0; i < 1000; i++) {
        // Every request looks at the disk.
        time.pass(CHECK_MS)
        const { status, body } = await site.get(`/static/switched/${name}`, 'accept-encoding', coding)
        assert.ok(!body.includes('secret'), `${name}, ${coding}: request ${i} got a file of another directory`)
        if (status === 200) served++
      }
    }
    await Promise.all([
      ask('small.css', ''),
      ask('large.bin', ''),
      ask('coded.js', 'gzip'),
      ask('coded.js', 'br'),
      ask('coded.js', ''),
    ])
  } finally {
    await switching.terminate()
  }
  assert.ok(served > 0, 'the directory was there now and then')
})

test('without the kernel’s name of an open file, the path must still lead to the file, without a link', async t => {
  const site = new Site(t)
  const path = site.write('a/b.css', 'b')
  const stats = lstatSync(path, { bigint: true })
  assert.equal(await isStillAt(path, stats), true)
  // The same file, by a link.
  renameSync(join(site.root, 'a'), join(site.root, 'c'))
  symlinkSync('c', join(site.root, 'a'))
  assert.equal(await isStillAt(path, stats), false)
  // No link, and another file.
  renameSync(join(site.root, 'a'), join(site.root, 'd'))
  site.write('a/b.css', 'b')
  assert.equal(await isStillAt(path, stats), false)
  assert.equal(await isStillAt(join(site.root, 'none'), stats), false)
})
