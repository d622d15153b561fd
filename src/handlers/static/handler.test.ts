/** The handler on real files, with exchanges in memory. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { FakeExchange, type FakeRequest } from '../../apps/testing/fake-exchange.ts'
import type { Exchange } from '../../http/exchange.ts'
import { CHECK_MS } from './cache.ts'
import { StaticFiles } from './handler.ts'

const LARGE = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255))

class Site {
  readonly base: string
  readonly root: string
  readonly files = new StaticFiles(FakeExchange.failed)
  /** Requests that were handed on. */
  readonly handedOn: Exchange[] = []
  readonly #handler = this.files.handler(exchange => {
    this.handedOn.push(exchange)
    exchange.response.start({ status: 299, reason: '', headers: [] })
    exchange.response.end()
  })

  constructor(t: TestContext) {
    this.base = mkdtempSync(join(tmpdir(), 'jumak-static-'))
    t.after(() => rmSync(this.base, { recursive: true }))
    this.root = join(this.base, 'root')
    mkdirSync(this.root)
    this.files.setMounts([{ url: '/static/', directory: this.root }])
  }

  write(name: string, content: string | Buffer, modified?: Date): string {
    const path = join(this.root, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, content)
    if (modified) utimesSync(path, modified, modified)
    return path
  }

  /** Begins a request; what is in memory is answered when this returns. */
  begin(path: string, request: FakeRequest = {}): FakeExchange {
    const exchange = new FakeExchange({ ...request, path })
    void this.#handler(exchange)
    return exchange
  }

  async get(path: string, ...headers: string[]): Promise<Answer> {
    const exchange = this.begin(path, { headers })
    await exchange.over()
    return new Answer(exchange)
  }
}

class Answer {
  readonly exchange: FakeExchange
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer

  constructor(exchange: FakeExchange) {
    this.exchange = exchange
    this.status = exchange.response.status
    const lines = exchange.response.head?.headers ?? []
    const names = lines.filter((_, i) => i % 2 === 0)
    assert.equal(new Set(names).size, names.length, 'each field once')
    this.headers = new Map(names.map((name, i) => [name.toLowerCase(), lines[2 * i + 1]!]))
    this.body = Buffer.concat(exchange.response.chunks)
  }
}

function openFiles(root: string): string[] {
  return execFileSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' })
    .split('\n')
    .filter(line => line.includes(root))
}

test('a small file: whole, with everything that a client wants to know', async t => {
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

test('the second time it comes from memory, within the call', async t => {
  const site = new Site(t)
  site.write('a.js', 'let a')
  await site.get('/static/a.js')
  const exchange = site.begin('/static/a.js')
  assert.equal(exchange.response.state, 'ended')
  assert.equal(exchange.response.text, 'let a')
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

test('other methods, other paths, directories and what is missing are the application’s', async t => {
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

test('that a file is missing is remembered for a moment: no system call for the application’s paths', async t => {
  const site = new Site(t)
  site.files.setMounts([{ url: '/', directory: site.root }])
  await site.get('/shop/')
  await site.get('/shop')
  assert.equal(site.begin('/shop').response.state, 'ended')
})

test('without a directory everything is the application’s, and with it nothing need be told', async t => {
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

test('two directories of one URL: the first that has it', async t => {
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

// ---- nothing leaves the root ----

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

test('a compressed sibling that is a link out of the root is none', async t => {
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

test('FIFOs, sockets and devices are no files, and asking for them waits for nobody', async t => {
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

// ---- changes ----

function mockTime(t: TestContext): { pass(ms: number): void } {
  let now = 1000
  t.mock.method(performance, 'now', () => now)
  return { pass: ms => (now += ms) }
}

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

test('a large file that is replaced: entity tag and length are those of what is sent', async t => {
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

test('a large file that has gone since it was looked at is the application’s', async t => {
  const site = new Site(t)
  mockTime(t)
  site.write('a.bin', LARGE)
  await site.get('/static/a.bin')
  rmSync(join(site.root, 'a.bin'))
  assert.equal((await site.get('/static/a.bin')).status, 299)
})

test('who asks at the same time waits for the same look', async t => {
  const site = new Site(t)
  site.write('a.css', 'a')
  const exchanges = Array.from({ length: 50 }, () => site.begin('/static/a.css'))
  await Promise.all(exchanges.map(exchange => exchange.over()))
  assert.ok(exchanges.every(exchange => exchange.response.text === 'a'))
})

// ---- clients that leave ----

test('a client that leaves meanwhile leaves no open file', async t => {
  const site = new Site(t)
  site.write('a.bin', LARGE)
  await site.get('/static/a.bin')
  const exchanges = Array.from({ length: 20 }, () => site.begin('/static/a.bin'))
  for (const exchange of exchanges) exchange.leave()
  // Those before it in libuv's queue are done when this one is.
  await site.get('/static/a.bin')
  for (let i = 0; i < 100 && openFiles(site.root).length > 0; i++) await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(openFiles(site.root), [])
  assert.ok(exchanges.every(exchange => exchange.error === null && exchange.response.chunks.length === 0))
  assert.equal(site.handedOn.length, 0)
})

// ---- conditions and ranges ----

test('RFC9110§13: conditions, from memory and from a large file', async t => {
  const site = new Site(t)
  for (const [name, content] of [
    ['a.css', Buffer.from('0123456789')],
    ['b.bin', LARGE],
  ] as const) {
    site.write(name, content, new Date('2024-01-02T03:04:05Z'))
    const path = `/static/${name}`
    const whole = await site.get(path)
    const etag = whole.headers.get('etag')!
    const cached = await site.get(path, 'if-none-match', `W/${etag}`, 'range', 'bytes=0-1')
    assert.equal(cached.status, 304)
    assert.deepEqual([...cached.headers.keys()].sort(), ['cache-control', 'etag'])
    assert.equal((await site.get(path, 'if-modified-since', 'Tue, 02 Jan 2024 03:04:05 GMT')).status, 304)
    assert.equal((await site.get(path, 'if-none-match', '"x"')).status, 200)
    const failed = await site.get(path, 'if-match', '"x"')
    assert.equal(failed.status, 412)
    assert.equal(failed.headers.get('content-length'), '0')
    const resumed = await site.get(path, 'range', 'bytes=2-4', 'if-range', etag)
    assert.equal(resumed.status, 206)
    assert.deepEqual(resumed.body, content.subarray(2, 5))
    assert.equal((await site.get(path, 'range', 'bytes=2-4', 'if-range', '"x"')).status, 200)
  }
})

test('RFC9110§14: one range, none, several', async t => {
  const site = new Site(t)
  for (const [name, content] of [
    ['a.css', Buffer.from('0123456789')],
    ['b.bin', LARGE],
  ] as const) {
    site.write(name, content)
    const path = `/static/${name}`
    const size = content.length
    const one = await site.get(path, 'range', 'bytes=-3')
    assert.equal(one.status, 206)
    assert.equal(one.headers.get('content-range'), `bytes ${size - 3}-${size - 1}/${size}`)
    assert.equal(one.headers.get('content-length'), '3')
    assert.deepEqual(one.body, content.subarray(-3))
    const none = await site.get(path, 'range', `bytes=${size}-`)
    assert.equal(none.status, 416)
    assert.equal(none.headers.get('content-range'), `bytes */${size}`)
    assert.equal(none.body.length, 0)
    const several = await site.get(path, 'range', 'bytes=7-8, 0-1')
    assert.equal(several.status, 206)
    assert.equal(several.headers.get('content-range'), undefined)
    assert.equal(several.headers.get('content-length'), String(several.body.length))
    assert.deepEqual(partsOf(several), [
      { range: `bytes 7-8/${size}`, content: content.subarray(7, 9).toString('latin1') },
      { range: `bytes 0-1/${size}`, content: content.subarray(0, 2).toString('latin1') },
    ])
    const whole = await site.get(path, 'range', 'bytes=0-1,x')
    assert.equal(whole.status, 200)
    assert.ok(whole.body.equals(content))
  }
})

/** As a client reads it (RFC2046§5.1.1). */
function partsOf(answer: Answer): { range: string; content: string }[] {
  const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(answer.headers.get('content-type')!)![1]
  const text = answer.body.toString('latin1')
  assert.ok(text.startsWith(`--${boundary}\r\n`) && text.endsWith(`\r\n--${boundary}--\r\n`))
  return `\r\n${text}`
    .split(`\r\n--${boundary}`)
    .slice(1, -1)
    .map(part => {
      const [, head, content] = /^\r\n([\s\S]*?)\r\n\r\n([\s\S]*)$/.exec(part)!
      assert.match(head!, /^Content-Type: \S+/)
      return { range: /Content-Range: (.*)$/m.exec(head!)![1]!, content: content! }
    })
}

test('an empty file is sent whole, whatever part of it is asked for', async t => {
  const site = new Site(t)
  site.write('empty.js', '')
  const { status, body, headers } = await site.get('/static/empty.js', 'range', 'bytes=0-')
  assert.deepEqual([status, body.length, headers.get('content-length')], [200, 0, '0'])
})

// ---- precompressed ----

test('RFC9110§12.5.3: the compressed file beside it goes to who accepts it', async t => {
  const site = new Site(t)
  const text = 'body { color: red }\n'.repeat(100)
  site.write('a.css', text)
  site.write('a.css.br', brotliCompressSync(text))
  site.write('a.css.gz', gzipSync(text))
  for (const [accept, coding] of [
    ['gzip, br', 'br'],
    ['gzip', 'gzip'],
    ['gzip;q=1, br;q=0.5', 'gzip'],
    ['zstd', undefined],
    ['identity', undefined],
    ['br;q=0, gzip;q=0', undefined],
  ] as const) {
    const { headers, body } = await site.get('/static/a.css', 'accept-encoding', accept)
    assert.equal(headers.get('content-encoding'), coding, accept)
    assert.equal(headers.get('content-type'), 'text/css; charset=utf-8')
    assert.equal(headers.get('vary'), 'Accept-Encoding')
    assert.equal(headers.get('content-length'), String(body.length))
  }
  const plain = await site.get('/static/a.css')
  assert.equal(plain.headers.get('vary'), 'Accept-Encoding')
  const coded = await site.get('/static/a.css', 'accept-encoding', 'br')
  assert.notEqual(coded.headers.get('etag'), plain.headers.get('etag'))
  assert.deepEqual(coded.body, brotliCompressSync(text))
  // A tag of one representation says nothing of another one (RFC9110§8.8.3.3).
  const etag = coded.headers.get('etag')!
  const cached = await site.get('/static/a.css', 'accept-encoding', 'br', 'if-none-match', etag)
  assert.equal(cached.status, 304)
  assert.equal(cached.headers.get('vary'), 'Accept-Encoding')
  assert.equal((await site.get('/static/a.css', 'if-none-match', etag)).status, 200)
  // Asked for by its own name it is a file as any other.
  const archive = await site.get('/static/a.css.gz', 'accept-encoding', 'gzip')
  assert.equal(archive.headers.get('content-type'), 'application/gzip')
  assert.equal(archive.headers.get('content-encoding'), undefined)
})

test('RFC9110§14: ranges of a coded representation are of its own bytes; several are not offered', async t => {
  const site = new Site(t)
  const text = 'let a = 1\n'.repeat(1000)
  const coded = gzipSync(text)
  site.write('a.js', text)
  site.write('a.js.gz', coded)
  const one = await site.get('/static/a.js', 'accept-encoding', 'gzip', 'range', 'bytes=3-9')
  assert.equal(one.status, 206)
  assert.equal(one.headers.get('content-encoding'), 'gzip')
  assert.equal(one.headers.get('content-range'), `bytes 3-9/${coded.length}`)
  assert.deepEqual(one.body, coded.subarray(3, 10))
  assert.equal((await site.get('/static/a.js', 'accept-encoding', 'gzip', 'range', 'bytes=0-1,3-9')).status, 200)
})

test('a large file with a small compressed one: each from where it is', async t => {
  const site = new Site(t)
  const text = 'let a = 1\n'.repeat(30_000)
  site.write('a.js', text)
  site.write('a.js.gz', gzipSync(text))
  assert.equal((await site.get('/static/a.js')).body.toString(), text)
  const exchange = site.begin('/static/a.js', { headers: ['accept-encoding', 'gzip'] })
  assert.equal(exchange.response.state, 'ended', 'from memory')
  assert.deepEqual(Buffer.concat(exchange.response.chunks), gzipSync(text))
})

test('a large compressed file that has gone since: the file itself is sent', async t => {
  const site = new Site(t)
  mockTime(t)
  site.write('a.js', 'let a')
  site.write('a.js.gz', LARGE)
  assert.ok((await site.get('/static/a.js', 'accept-encoding', 'gzip')).body.equals(LARGE))
  rmSync(join(site.root, 'a.js.gz'))
  const answer = await site.get('/static/a.js', 'accept-encoding', 'gzip')
  assert.equal(answer.body.toString(), 'let a')
  assert.equal(answer.headers.get('content-encoding'), undefined)
})

test('a compressed file that is older than the file itself is not sent: it was not made anew', async t => {
  const site = new Site(t)
  site.write('a.css', 'new', new Date('2024-01-02'))
  site.write('a.css.gz', gzipSync('old'), new Date('2024-01-01'))
  const { headers, body } = await site.get('/static/a.css', 'accept-encoding', 'gzip')
  assert.equal(headers.get('content-encoding'), undefined)
  assert.equal(body.toString(), 'new')
})

// ---- errors ----

/** What a process of its own prints, that does `before` when the code is loaded, and asks for a.css. */
function askInChild(site: Site, before: string): string {
  site.write('a.css', 'a')
  const script = join(site.base, 'main.mjs')
  const code = `
    const { StaticFiles } = await import(${JSON.stringify(new URL('./handler.ts', import.meta.url).href)})
    const { chmodSync, openSync } = await import('node:fs')
    const root = ${JSON.stringify(site.root)}
    const files = new StaticFiles((_, error) => console.log(error.status, error.culprit, error.message))
    files.setMounts([{ url: '/static/', directory: root }])
    ${before}
    const request = { method: 'GET', path: '/static/a.css', headers: [] }
    await files.handler(() => console.log('handed on'))({ request, response: { state: 'idle' } })`
  writeFileSync(script, code)
  return execFileSync('sh', ['-c', 'ulimit -n 64; exec "$0" "$1"', process.execPath, script], { encoding: 'utf8' })
}

test('a file that may not be read is an error of the operator, not a missing file', t => {
  const site = new Site(t)
  const output = askInChild(site, `chmodSync(root + '/a.css', 0); if (process.getuid() === 0) process.setuid(65534)`)
  assert.match(output, /^403 operator .*EACCES/)
})

test('the limit of open files is told as what it is', t => {
  const site = new Site(t)
  assert.match(askInChild(site, `try { for (;;) openSync('/dev/null') } catch {}`), /^503 operator .*EMFILE/)
})
