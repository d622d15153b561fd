/** Which requests are answered and which go on, changes, clients that leave, errors: on real files, with exchanges in memory. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { HttpError } from '../../http/errors.ts'
import { CHECK_MS } from './cache.ts'
import { LARGE, mockTime, Site } from './testing/site.ts'

/** Other threads of the process open and close files meanwhile. A file that was closed after the listing does not count. */
function openFiles(root: string): string[] {
  return readdirSync('/proc/self/fd').flatMap(number => {
    try {
      const target = readlinkSync(`/proc/self/fd/${number}`)
      return target.startsWith(root) ? [target] : []
    } catch {
      return []
    }
  })
}

test('a small file is sent whole, with all fields that a client needs', async t => {
  const site = new Site(t)
  site.write('app.css', 'body { }', new Date('2024-01-02T03:04:05Z'))
  const { status, headers, body } = await site.get('/static/app.css')
  assert.equal(status, 200)
  assert.equal(body.toString(), 'body { }')
  assert.deepEqual(Object.fromEntries([...headers].filter(([name]) => name !== 'etag')), {
    'content-type': 'text/css; charset=utf-8',
    'content-length': '8',
    'last-modified': 'Tue, 02 Jan 2024 03:04:05 GMT',
    'cache-control': 'no-cache',
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
  })
  assert.match(headers.get('etag')!, /^"[0-9a-z]+-8"$/)
})

test('the second request is answered from memory, within the call', async t => {
  const site = new Site(t)
  site.write('a.js', 'let a')
  await site.get('/static/a.js')
  const exchange = site.begin('/static/a.js')
  assert.equal(exchange.response.state, 'ended')
  assert.equal(exchange.response.text, 'let a')
})

test('a proxy that names its prefix (X-Forwarded-Prefix) and leaves it in the path', async t => {
  const site = new Site(t)
  site.write('a.css', 'a { }')
  for (const path of ['/shop/static/a.css', '/static/a.css', '/shop/static/a.css']) {
    const exchange = site.begin(path, { rootPath: '/shop' })
    await exchange.over()
    assert.equal(exchange.response.text, 'a { }', path)
  }
  assert.equal((await site.get('/shop/static/a.css')).status, 299, 'nobody has named one')
})

test('a large file is sent from its descriptor, and closed', async t => {
  const site = new Site(t)
  site.write('video.mp4', LARGE)
  for (let i = 0; i < 2; i++) {
    const { status, body, headers } = await site.get('/static/video.mp4')
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'video/mp4')
    assert.ok(body.equals(LARGE))
  }
  assert.equal(site.begin('/static/video.mp4').response.state, 'idle', 'never from memory')
})

test('names with a content hash are cached for ever', async t => {
  const site = new Site(t)
  site.write('app.55e7cbb9ba48.css', 'a')
  const { headers } = await site.get('/static/app.55e7cbb9ba48.css')
  assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable')
})

test('HEAD: the same head and no content (RFC9110§9.3.2)', async t => {
  const site = new Site(t)
  for (const [name, content] of [
    ['a.css', Buffer.from('abc')],
    ['b.bin', LARGE],
  ] as const) {
    site.write(name, content)
    const whole = await site.get(`/static/${name}`)
    const exchange = site.begin(`/static/${name}`, { method: 'HEAD', headers: ['range', 'bytes=0-0'] })
    assert.equal(exchange.response.state, 'ended', 'needs no file')
    assert.deepEqual(exchange.response.head, whole.exchange.response.head)
    assert.equal(exchange.response.text, '')
  }
})

test('other methods, other paths, directories and missing files go to the application', async t => {
  const site = new Site(t)
  site.write('a.css', 'a')
  site.write('index.html', 'never by itself')
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const exchange = site.begin('/static/a.css', { method })
    assert.equal(exchange.response.status, 299, method)
  }
  for (const path of [
    '/',
    '/a.css',
    '/static',
    '/static/',
    '/static/css',
    '/static/b.css',
    '/static/a.css/',
    '/static/a.css/b',
  ])
    assert.equal((await site.get(path)).status, 299, path)
  mkdirSync(join(site.root, 'css'))
  assert.equal((await site.get('/static/css')).status, 299)
  assert.equal((await site.get(`/static/${'x'.repeat(300)}`)).status, 299)
})

test('with a page for 404 a missing file below a URL of files is answered; other paths go to the application', async t => {
  const site = new Site(t)
  site.answersMissing = true
  for (const path of ['/static/b.css', '/static/b.css', '/static/a/b.css']) {
    const { error } = (await site.get(path)).exchange
    assert.ok(error instanceof HttpError && error.status === 404, path)
  }
  for (const path of ['/a.css', '/static', '/static/.git/config', '/static/'])
    assert.equal((await site.get(path)).status, 299, path)
  assert.equal(site.begin('/static/b.css', { method: 'POST' }).response.status, 299)
  site.files.setMounts([{ url: '/', directory: site.root }])
  assert.equal((await site.get('/b.css')).status, 299)
})

test('a missing file is remembered for a moment: no system call for the application’s paths', async t => {
  const site = new Site(t)
  site.files.setMounts([{ url: '/', directory: site.root }])
  await site.get('/shop/')
  await site.get('/shop')
  assert.equal(site.begin('/shop').response.state, 'ended')
})

test('while the directory does not exist all requests go to the application; when it appears, its files are served', async t => {
  const site = new Site(t)
  const later = join(site.base, 'later')
  site.files.setMounts([{ url: '/l/', directory: later }])
  assert.equal((await site.get('/l/a.css')).status, 299)
  mkdirSync(later)
  writeFileSync(join(later, 'b.css'), 'b')
  assert.equal((await site.get('/l/b.css')).status, 200)
})

test('the longest URL wins, and does not look in the shorter one’s directory', async t => {
  const site = new Site(t)
  site.write('one/a.css', 'one')
  site.write('one/admin/b.css', 'hidden by the other mount')
  site.write('two/a.css', 'two')
  site.files.setMounts([
    { url: '/static/', directory: join(site.root, 'one') },
    { url: '/static/admin/', directory: join(site.root, 'two') },
  ])
  assert.equal((await site.get('/static/a.css')).body.toString(), 'one')
  assert.equal((await site.get('/static/admin/a.css')).body.toString(), 'two')
  assert.equal((await site.get('/static/admin/b.css')).status, 299)
})

test('of two directories of one URL the first that has the file serves it', async t => {
  const site = new Site(t)
  site.write('new/a.css', 'new')
  site.write('old/a.css', 'old')
  site.write('old/b.css', 'old')
  site.files.setMounts([
    { url: '/static/', directory: join(site.root, 'new') },
    { url: '/static/', directory: join(site.root, 'old') },
  ])
  assert.equal((await site.get('/static/a.css')).body.toString(), 'new')
  assert.equal((await site.get('/static/b.css')).body.toString(), 'old')
})

// ---- changes ----

test(`a changed file is never older than ${CHECK_MS} ms`, async t => {
  const site = new Site(t)
  const time = mockTime(t)
  site.write('a.css', 'old')
  const first = await site.get('/static/a.css')
  site.write('a.css', 'new', new Date('2024-01-01'))
  time.pass(CHECK_MS - 1)
  assert.equal((await site.get('/static/a.css')).body.toString(), 'old')
  time.pass(1)
  const second = await site.get('/static/a.css', 'if-none-match', first.headers.get('etag')!)
  assert.equal(second.status, 200)
  assert.equal(second.body.toString(), 'new')
  rmSync(join(site.root, 'a.css'))
  time.pass(CHECK_MS)
  assert.equal((await site.get('/static/a.css')).status, 299)
  site.write('a.css', 'back')
  time.pass(CHECK_MS)
  assert.equal((await site.get('/static/a.css')).body.toString(), 'back')
})

test('an unchanged file is looked at again and not read again', async t => {
  const site = new Site(t)
  const time = mockTime(t)
  site.write('a.css', 'a')
  await site.get('/static/a.css')
  time.pass(CHECK_MS)
  const exchange = site.begin('/static/a.css')
  assert.equal(exchange.response.state, 'idle', 'it is looked at')
  await exchange.over()
  assert.equal(site.begin('/static/a.css').response.state, 'ended')
})

test('a large file that is replaced has the entity tag and length of the bytes that are sent', async t => {
  const site = new Site(t)
  mockTime(t)
  site.write('a.bin', LARGE)
  const first = await site.get('/static/a.bin')
  const shorter = LARGE.subarray(0, 100_000)
  site.write('b.bin', shorter)
  renameSync(join(site.root, 'b.bin'), join(site.root, 'a.bin'))
  const second = await site.get('/static/a.bin')
  assert.equal(second.headers.get('content-length'), '100000')
  assert.notEqual(second.headers.get('etag'), first.headers.get('etag'))
  assert.ok(second.body.equals(shorter))
})

test('a request for a large file that was removed since the look goes to the application', async t => {
  const site = new Site(t)
  mockTime(t)
  site.write('a.bin', LARGE)
  await site.get('/static/a.bin')
  rmSync(join(site.root, 'a.bin'))
  assert.equal((await site.get('/static/a.bin')).status, 299)
})

test('requests for one file at the same time share one look at the disk', async t => {
  const site = new Site(t)
  site.write('a.css', 'a')
  const exchanges = Array.from({ length: 50 }, () => site.begin('/static/a.css'))
  await Promise.all(exchanges.map(exchange => exchange.over()))
  assert.ok(exchanges.every(exchange => exchange.response.text === 'a'))
})

// ---- clients that leave ----

test('clients that leave while their file is opened leave no open file', async t => {
  const site = new Site(t)
  site.write('a.bin', LARGE)
  await site.get('/static/a.bin')
  const exchanges = Array.from({ length: 20 }, () => site.begin('/static/a.bin'))
  for (const exchange of exchanges) exchange.leave()
  // When this one is answered, the requests before it in libuv's queue are done.
  await site.get('/static/a.bin')
  await site.openFiles.untilClosed()
  assert.deepEqual(openFiles(site.root), [])
  assert.ok(exchanges.every(exchange => exchange.error === null && exchange.response.chunks.length === 0))
  assert.equal(site.handedOn.length, 0)
})

// ---- errors ----

/** The output of another process, which loads the code, runs `before`, and asks for a.css. */
function askInChild(site: Site, before: string): string {
  site.write('a.css', 'a')
  const script = join(site.base, 'main.mjs')
  const code = `
    const { StaticFiles } = await import(${JSON.stringify(new URL('./handler.ts', import.meta.url).href)})
    const { chmodSync, openSync } = await import('node:fs')
    const root = ${JSON.stringify(site.root)}
    const { OpenFiles } = await import(${JSON.stringify(new URL('../../base/open-files.ts', import.meta.url).href)})
    const files = new StaticFiles('', new OpenFiles(), (_, error) => console.log(error.status, error.culprit, error.message))
    files.setMounts([{ url: '/static/', directory: root }])
    ${before}
    const request = { method: 'GET', path: '/static/a.css', headers: [] }
    console.log(await files.serve({ request, response: { state: 'idle' } }))`
  writeFileSync(script, code)
  return execFileSync('sh', ['-c', 'ulimit -n 64; exec "$0" "$1"', process.execPath, script], { encoding: 'utf8' })
}

test('a file that may not be read is an error of the operator, not a missing file', t => {
  const site = new Site(t)
  const output = askInChild(site, `chmodSync(root + '/a.css', 0); if (process.getuid() === 0) process.setuid(65534)`)
  assert.match(output, /^403 operator .*EACCES.*\nanswered/)
})

test('the limit of open files is reported as such', t => {
  const site = new Site(t)
  assert.match(
    askInChild(site, `try { for (;;) openSync('/dev/null') } catch {}`),
    /^503 operator .*EMFILE.*\nanswered/,
  )
})

test('a file counts as open until it is sent; when no more may be opened the answer is 503 with Retry-After', async t => {
  const site = new Site(t)
  site.write('large.bin', LARGE)
  site.write('a.css', 'a')
  assert.equal((await site.get('/static/a.css')).status, 200)
  assert.equal((await site.get('/static/large.bin')).status, 200)
  const { openFiles } = site
  await openFiles.untilClosed()
  while (openFiles.hasRoom) openFiles.add()
  assert.equal((await site.get('/static/a.css')).status, 200, 'from memory')
  const { error } = (await site.get('/static/large.bin')).exchange
  assert.ok(error instanceof HttpError)
  assert.deepEqual([error.status, error.retryAfter, error.culprit], [503, 1, 'operator'])
  openFiles.remove()
  assert.equal((await site.get('/static/large.bin')).status, 200)
})
