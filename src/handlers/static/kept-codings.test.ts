/** Files that are compressed once: what a client gets before and after, ranges, tags, and files that change. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { fileCompression } from '../../compression/files.ts'
import { decoded, prose } from '../../compression/testing/compressed.ts'
import { type Answer, mockTime, Site } from './testing/site.ts'

const TEXT = fileCompression({
  files: true,
  responses: false,
  codings: ['gzip', 'zstd', 'br'],
  types: ['text/css', 'text/javascript'],
  minLength: 100,
})!

/** Asks until the compressed form is there: each answer before is the file as it is. */
async function compressedAnswer(site: Site, path: string, ...headers: string[]): Promise<Answer> {
  for (;;) {
    const answer = await site.get(path, ...headers)
    if (answer.headers.has('content-encoding')) return answer
    assert.equal(answer.headers.get('vary'), 'Accept-Encoding')
    await new Promise(setImmediate)
  }
}

for (const [size, kind] of [
  [20_000, 'in memory'],
  [500_000, 'large'],
] as const)
  test(`a text file (${kind}) is sent as it is, then compressed, by what the client prefers`, async t => {
    const site = new Site(t, TEXT)
    const content = prose(size)
    site.write('app.css', content)
    const before = await site.get('/static/app.css', 'accept-encoding', 'gzip, br')
    assert.ok(before.body.equals(content))
    assert.equal(before.headers.get('vary'), 'Accept-Encoding')
    for (const coding of ['br', 'gzip', 'zstd'] as const) {
      const answer = await compressedAnswer(site, '/static/app.css', 'accept-encoding', coding)
      assert.equal(answer.headers.get('content-encoding'), coding)
      assert.equal(answer.headers.get('content-length'), String(answer.body.length))
      assert.equal(answer.headers.get('etag'), `W/${before.headers.get('etag')}`)
      assert.equal(answer.headers.has('accept-ranges'), false)
      assert.ok(answer.body.length < size / 2)
      assert.ok(decoded(coding, answer.body).equals(content))
    }
    const best = await site.get('/static/app.css', 'accept-encoding', 'gzip, deflate, br, zstd')
    assert.equal(best.headers.get('content-encoding'), 'br')
    const plain = await site.get('/static/app.css', 'accept-encoding', 'identity')
    assert.ok(plain.body.equals(content))
  })

test('ranges are of the file as it is, and any form that a client has is confirmed', async t => {
  const site = new Site(t, TEXT)
  const content = prose(20_000)
  site.write('app.js', content)
  const accepts = ['accept-encoding', 'br'] as const
  const { headers } = await compressedAnswer(site, '/static/app.js', ...accepts)
  const part = await site.get('/static/app.js', ...accepts, 'range', 'bytes=0-99')
  assert.deepEqual([part.status, part.headers.get('content-encoding')], [206, undefined])
  assert.ok(part.body.equals(content.subarray(0, 100)))
  const tag = headers.get('etag')!
  for (const ifNoneMatch of [tag, tag.slice(2)]) {
    const confirmed = await site.get('/static/app.js', ...accepts, 'if-none-match', ifNoneMatch)
    assert.deepEqual(
      [confirmed.status, confirmed.headers.get('etag'), confirmed.headers.get('vary')],
      [304, tag, 'Accept-Encoding'],
    )
  }
  // A weak tag is not strongly equal to itself.
  const refused = await site.get('/static/app.js', ...accepts, 'if-match', tag)
  assert.equal(refused.status, 412)
  const whole = await site.get('/static/app.js', ...accepts, 'range', 'bytes=0-99', 'if-range', tag)
  assert.equal(whole.status, 200)
})

test('a file that has changed is sent as it is, and then compressed anew', async t => {
  const { pass } = mockTime(t)
  const site = new Site(t, TEXT)
  site.write('a.css', prose(10_000), new Date('2024-01-01'))
  const accepts = ['accept-encoding', 'gzip'] as const
  await compressedAnswer(site, '/static/a.css', ...accepts)
  const changed = prose(12_000)
  site.write('a.css', changed, new Date('2024-01-02'))
  pass(2000)
  const { body, headers } = await site.get('/static/a.css', ...accepts)
  assert.equal(headers.has('content-encoding'), false)
  assert.ok(body.equals(changed))
  const after = await compressedAnswer(site, '/static/a.css', ...accepts)
  assert.ok(decoded('gzip', after.body).equals(changed))
})

test('what is no text, small, compressed beside it, or gets no smaller is never compressed here', async t => {
  const site = new Site(t, TEXT)
  site.write('a.png', prose(20_000))
  site.write('tiny.css', prose(99))
  site.write('b.css', prose(20_000), new Date('2024-01-01'))
  site.write('b.css.gz', 'as it was made', new Date('2024-01-01'))
  const noise = Buffer.alloc(20_000)
  for (let i = 0, last = 1; i < noise.length; i++) {
    last = (last * 48271) % 0x7fffffff
    noise[i] = last & 0xff
  }
  site.write('noise.js', noise)
  for (let round = 0; round < 30; round++) {
    for (const name of ['a.png', 'tiny.css', 'noise.js']) {
      const { headers } = await site.get(`/static/${name}`, 'accept-encoding', 'br, gzip')
      assert.equal(headers.has('content-encoding'), false, name)
      assert.equal(headers.get('vary'), name === 'noise.js' ? 'Accept-Encoding' : undefined)
    }
    const beside = await site.get('/static/b.css', 'accept-encoding', 'br, gzip')
    assert.deepEqual([beside.headers.get('content-encoding'), String(beside.body)], ['gzip', 'as it was made'])
    await new Promise(setImmediate)
  }
  const other = await site.get('/static/b.css', 'accept-encoding', 'br')
  assert.equal(other.headers.has('content-encoding'), false)
})

test('a file that goes while it is compressed is only left out', async t => {
  const site = new Site(t, TEXT)
  const path = site.write('gone.css', prose(400_000))
  const first = site.get('/static/gone.css', 'accept-encoding', 'br')
  await first
  rmSync(path)
  site.write('next.css', prose(20_000))
  await compressedAnswer(site, '/static/next.css', 'accept-encoding', 'br')
})
