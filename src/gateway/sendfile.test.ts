/** X-Sendfile: which files are sent, what the response has of the application, and what is never sent. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FakeExchange, type FakeRequest } from '../apps/testing/fake-exchange.ts'
import { CountedFiles } from '../base/testing/counted-files.ts'
import { HttpError } from '../http/errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { withSendfile } from './sendfile.ts'

const LARGE = Buffer.alloc(200_000, 'large ')

class Place {
  readonly root: string
  readonly files: CountedFiles = new CountedFiles(8)
  readonly warnings: string[] = []
  /** Of the application. */
  headers: string[] = []
  status = 200

  constructor(t: TestContext) {
    const base = realpathSync(mkdtempSync(join(tmpdir(), 'jumak-sendfile-')))
    t.after(() => rmSync(base, { recursive: true }))
    this.root = join(base, 'media')
    mkdirSync(join(this.root, 'deep'), { recursive: true })
    for (const [name, text] of [
      ['media/a.txt', '0123456789'],
      ['media/large.bin', LARGE],
      ['media/.hidden', 'hidden'],
      ['media/가.txt', 'name'],
      ['secret.txt', 'secret'],
      ['media-secret.txt', 'secret'],
    ] as const)
      writeFileSync(join(base, name), text)
    symlinkSync(join(base, 'secret.txt'), join(this.root, 'out.txt'))
    symlinkSync(this.root, join(base, 'current'))
  }

  /** `path`: text; the header has its bytes. */
  async ask(path: string, request: FakeRequest = {}, roots: readonly string[] = [this.root]): Promise<FakeExchange> {
    const exchange = new FakeExchange(request)
    const handler = withSendfile(
      ({ response }) => {
        const name = Buffer.from(path).toString('latin1')
        const headers = [...this.headers, 'X-Sendfile', name, 'Content-Length', '7']
        response.start({ status: this.status, reason: '', headers })
        response.write(Buffer.from('ignored'))
        response.end()
      },
      {
        app: 'main',
        roots,
        openFiles: this.files,
        refuse: (one: Exchange, error: Error) => {
          assert.ok(error instanceof HttpError, String(error))
          one.response.respond({ status: error.status, reason: '', headers: [] }, Buffer.from('a page of ours'))
        },
        warn: message => this.warnings.push(message),
      },
    )
    void handler(exchange)
    await exchange.over()
    await this.files.untilClosed()
    return exchange
  }
}

function fieldsOf({ sent }: FakeExchange): Record<string, string> {
  const { headers } = sent.head!
  return Object.fromEntries(
    headers.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), headers[i + 1]!] as const] : [])),
  )
}

test('the file is sent in the place of the content, with what the application says of it', async t => {
  const place = new Place(t)
  place.headers = [
    'Content-Type',
    'application/x-own',
    'Cache-Control',
    'private',
    'ETag',
    '"own"',
    'X-Frame-Options',
    'DENY',
  ]
  const exchange = await place.ask(join(place.root, 'a.txt'))
  const fields = fieldsOf(exchange)
  assert.deepEqual([exchange.sent.status, exchange.sent.text], [200, '0123456789'])
  assert.deepEqual(
    [fields['content-type'], fields['cache-control'], fields['x-frame-options'], fields['content-length']],
    ['application/x-own', 'private', 'DENY', '10'],
  )
  assert.equal(fields['x-sendfile'], undefined)
  assert.notEqual(fields['etag'], '"own"')
  const large = await place.ask(join(place.root, 'large.bin'))
  assert.equal(large.sent.text.length, LARGE.length)
  const named = await place.ask(join(place.root, '가.txt'))
  assert.equal(named.sent.text, 'name')
})

test('ranges and conditions are those of the file; nothing says that it may be kept', async t => {
  const place = new Place(t)
  const file = join(place.root, 'a.txt')
  const part = await place.ask(file, { headers: ['range', 'bytes=2-4'] })
  assert.deepEqual([part.sent.status, part.sent.text, fieldsOf(part)['content-range']], [206, '234', 'bytes 2-4/10'])
  assert.equal(fieldsOf(part)['cache-control'], undefined)
  const parts = await place.ask(file, { headers: ['range', 'bytes=0-0,2-2'] })
  assert.match(fieldsOf(parts)['content-type']!, /^multipart\/byteranges/)
  const known = await place.ask(file, { headers: ['if-none-match', fieldsOf(part)['etag']!] })
  assert.deepEqual([known.sent.status, known.sent.text], [304, ''])
  const posted = await place.ask(file, { method: 'POST', headers: ['range', 'bytes=2-4'] })
  assert.deepEqual([posted.sent.status, posted.sent.text], [200, '0123456789'])
})

test('what is not below a root, hidden, or behind a link that leads out, is not sent: a page without the application’s fields', async t => {
  const place = new Place(t)
  place.headers = ['X-Frame-Options', 'DENY']
  const { root } = place
  const names = [
    `${root}/.hidden`,
    `${root}/out.txt`,
    `${root}/nothing.txt`,
    `${root}/deep`,
    root,
    `${root}/`,
    `${root}/../secret.txt`,
    `${root}/deep/../../secret.txt`,
    `${root}//a.txt`,
    `${root}-secret.txt`,
    `${root}/a.txt\0`,
    'a.txt',
    '',
    '/etc/passwd',
  ]
  for (const name of names) {
    const { sent } = await place.ask(name)
    assert.deepEqual([sent.status, sent.text, sent.head!.headers], [404, 'a page of ours', []], name)
  }
  assert.equal(
    place.warnings.length > 0 && place.warnings.every(one => /below none of the sendfile-roots of main/.test(one)),
    true,
  )
})

test('a root that is a link, and an application that has resolved it', async t => {
  const place = new Place(t)
  const current = join(place.root, '../current')
  for (const path of [join(current, 'a.txt'), join(place.root, 'a.txt')])
    assert.equal((await place.ask(path, {}, [current])).sent.text, '0123456789', path)
})

test('of an answer with another status only the header is taken away', async t => {
  const place = new Place(t)
  place.status = 403
  const { sent } = await place.ask(join(place.root, 'a.txt'))
  assert.deepEqual([sent.status, sent.text, sent.head!.headers], [403, 'ignored', ['Content-Length', '7']])
})
