/** Which bytes of a file are sent: conditions, ranges, precompressed files. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { type Answer, LARGE, mockTime, Site } from './testing/site.ts'

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

/** Reads the parts as a client does (RFC2046§5.1.1). */
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

test('an empty file is sent whole, whatever the Range', async t => {
  const site = new Site(t)
  site.write('empty.js', '')
  const { status, body, headers } = await site.get('/static/empty.js', 'range', 'bytes=0-')
  assert.deepEqual([status, body.length, headers.get('content-length')], [200, 0, '0'])
})

// ---- precompressed ----

test('RFC9110§12.5.3: a client that accepts the coding gets the compressed sibling', async t => {
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
  // The tag of one representation says nothing about another (RFC9110§8.8.3.3).
  const etag = coded.headers.get('etag')!
  const cached = await site.get('/static/a.css', 'accept-encoding', 'br', 'if-none-match', etag)
  assert.equal(cached.status, 304)
  assert.equal(cached.headers.get('vary'), 'Accept-Encoding')
  assert.equal((await site.get('/static/a.css', 'if-none-match', etag)).status, 200)
  // By its own name it is an ordinary file.
  const archive = await site.get('/static/a.css.gz', 'accept-encoding', 'gzip')
  assert.equal(archive.headers.get('content-type'), 'application/gzip')
  assert.equal(archive.headers.get('content-encoding'), undefined)
})

test('RFC9110§14: a range of a coded representation counts its coded bytes; several ranges are not offered', async t => {
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

test('a large file comes from its descriptor, its small compressed sibling from memory', async t => {
  const site = new Site(t)
  const text = 'let a = 1\n'.repeat(30_000)
  site.write('a.js', text)
  site.write('a.js.gz', gzipSync(text))
  assert.equal((await site.get('/static/a.js')).body.toString(), text)
  const exchange = site.begin('/static/a.js', { headers: ['accept-encoding', 'gzip'] })
  assert.equal(exchange.response.state, 'ended', 'from memory')
  assert.deepEqual(Buffer.concat(exchange.response.chunks), gzipSync(text))
})

test('when a large compressed sibling was removed since the look, the file itself is sent', async t => {
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

test('a compressed sibling that is older than its file is not sent', async t => {
  const site = new Site(t)
  site.write('a.css', 'new', new Date('2024-01-02'))
  site.write('a.css.gz', gzipSync('old'), new Date('2024-01-01'))
  const { headers, body } = await site.get('/static/a.css', 'accept-encoding', 'gzip')
  assert.equal(headers.get('content-encoding'), undefined)
  assert.equal(body.toString(), 'new')
})

test('.svgz is sent as gzip, whatever the client accepts, and no siblings of it are looked for (RFC9110§8.4)', async t => {
  const site = new Site(t)
  const image = Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>")
  const large = Buffer.concat([gzipSync(image), LARGE])
  site.write('a.svgz', gzipSync(image))
  site.write('a.svgz.br', 'not looked at')
  site.write('large.svgz', large)
  for (const [name, content] of [
    ['a.svgz', gzipSync(image)],
    ['large.svgz', large],
  ] as const)
    for (const accept of ['gzip, br', 'br', 'identity;q=1, gzip;q=0', '']) {
      const whole = await site.get(`/static/${name}`, 'accept-encoding', accept)
      assert.equal(whole.headers.get('content-type'), 'image/svg+xml; charset=utf-8')
      assert.equal(whole.headers.get('content-encoding'), 'gzip', accept)
      assert.equal(whole.headers.get('vary'), undefined)
      assert.equal(whole.headers.get('content-length'), String(content.length))
      assert.ok(whole.body.equals(content))
    }
  const etag = (await site.get('/static/a.svgz')).headers.get('etag')!
  assert.match(etag, /-gzip"$/)
  assert.equal((await site.get('/static/a.svgz', 'if-none-match', etag)).status, 304)
  const part = await site.get('/static/large.svgz', 'range', 'bytes=1-4')
  assert.deepEqual([part.status, part.headers.get('content-encoding')], [206, 'gzip'])
  assert.ok(part.body.equals(large.subarray(1, 5)))
  assert.equal((await site.get('/static/large.svgz', 'range', 'bytes=0-1,3-9')).status, 200)
})
