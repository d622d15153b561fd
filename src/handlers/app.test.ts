import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import type { RequestBody } from '../apps/pool/body.ts'
import { LiveBody } from '../apps/pool/live-body.ts'
import type { AppPool } from '../apps/pool/pool.ts'
import { FakeExchange, type FakeRequest } from '../apps/testing/fake-exchange.ts'
import { MemoryBudget } from '../base/memory-budget.ts'
import { TemporarySpace } from '../base/temporary-space.ts'
import { CountedFiles } from '../base/testing/counted-files.ts'
import { testApp } from '../config/testing/config.ts'
import { ClientGoneError, HttpError, LimitError, ProtocolError } from '../http/errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { appHandler } from './app.ts'

function handle(
  request: FakeRequest & { memoryBuffer?: number; limit?: number },
  space = new TemporarySpace(tmpdir()),
  ofLocation: Exchange['limits'] = null,
) {
  const exchange = new FakeExchange(request)
  exchange.limits = ofLocation
  const { limits } = testApp({
    limits: { body: request.limit ?? 10_000_000, memoryBuffer: request.memoryBuffer ?? 10_000 },
  })
  let resolve: (body: RequestBody | null) => void
  const handled = new Promise<RequestBody | null>(done => {
    resolve = done
  })
  const pool = { handle: (_: Exchange, body: unknown) => resolve(body as RequestBody | null) } as AppPool
  void appHandler(pool, {
    requestBuffering: true,
    limits,
    space,
    memory: new MemoryBudget(),
    onError: FakeExchange.failed,
  })(exchange)
  return { exchange, handled }
}

async function contentOf(body: RequestBody): Promise<Buffer> {
  const pieces: Buffer[] = []
  let position = 0
  while (position < body.length) {
    const piece = await new Promise<Buffer>((resolve, reject) => {
      body.read(position, (error, bytes) => (error === null ? resolve(bytes) : reject(error)))
    })
    pieces.push(piece)
    position += piece.length
  }
  return Buffer.concat(pieces)
}

test('a request without content goes to the pool at once', async () => {
  assert.equal(await handle({}).handled, null)
})

test('a location may say that large content goes to the pool while it comes', async () => {
  const request = { body: Buffer.alloc(100_000), stopsAfter: 50_000 }
  const limits = { bodyLimit: null, timeout: null, requestBuffering: false }
  const body = await handle(request, undefined, limits).handled
  assert.ok((body as unknown) instanceof LiveBody)
})

test('content goes to the pool when it is complete: inline when small', async () => {
  const body = await handle({ body: Buffer.from('hello world'), chunkSize: 3 }).handled
  assert.equal(body!.inline!.toString(), 'hello world')
  body!.close()
})

test('every byte of small content stays as it is, in however many pieces it comes', async () => {
  const content = Buffer.from(Array.from({ length: 9000 }, (_, i) => (i * 7) & 255))
  for (const chunkSize of [9000, 1000, 100, 1]) {
    const body = await handle({ body: content, chunkSize }).handled
    assert.ok(Buffer.from(body!.inline!, 'latin1').equals(content), `in pieces of ${chunkSize}`)
    body!.close()
  }
})

test('content that outgrows the inline limit keeps its first bytes', async () => {
  const content = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 7) & 255))
  for (const memoryBuffer of [10_000, 65_000, 1_000_000]) {
    for (const chunkSize of [70_000, 3000, 700]) {
      const body = await handle({ body: content, chunkSize, memoryBuffer }).handled
      assert.equal(body!.inline, null)
      assert.ok((await contentOf(body!)).equals(content), `pieces of ${chunkSize}, ${memoryBuffer} bytes of memory`)
      body!.close()
    }
  }
})

test('content that is too large for memory is read back from a file, twice if need be', async () => {
  const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7) & 255))
  const body = await handle({ body: content }).handled
  assert.equal(body!.inline, null)
  assert.ok((await contentOf(body!)).equals(content))
  assert.ok((await contentOf(body!)).equals(content))
  body!.close()
})

test('content that breaks a limit is an error for the client, and never reaches the pool', async () => {
  const bodyError = new ProtocolError(413, 'too large', 'limits.body')
  const { exchange } = handle({ body: Buffer.from('x'), bodyError })
  await exchange.over()
  assert.equal(exchange.error, bodyError)
})

test('content above the limit is refused before it is read, and nothing for the pool', async () => {
  const { exchange, handled } = handle({ body: Buffer.from('0123456789'), limit: 9 })
  assert.ok(exchange.error instanceof LimitError)
  assert.equal(exchange.error.rule, 'limit-request-body')
  assert.equal(exchange.body.isPulled, false)
  assert.equal(await Promise.race([handled, 'nothing']), 'nothing')
  assert.equal((await handle({ body: Buffer.from('0123456789'), limit: 10 }).handled)!.length, 10)
})

test('a client that leaves while its content is read is nobody’s error', () => {
  const { exchange } = handle({ body: Buffer.from('x'), bodyError: new ClientGoneError() })
  assert.equal(exchange.error, null)
})

test('a disk that cannot take the content is an error of the operator, reported once', async () => {
  const { exchange } = handle({ body: Buffer.alloc(5_000_000) }, new TemporarySpace('/nonexistent'))
  await exchange.over()
  assert.ok(exchange.error instanceof HttpError)
  assert.equal(exchange.error.status, 500)
  assert.equal(exchange.error.culprit, 'operator')
})

for (const isChunked of [false, true])
  test(`content for which no temporary file has room is refused${isChunked ? ' when so much has come' : ' before it is read'}`, async () => {
    const files = new CountedFiles(10)
    const space = new TemporarySpace(tmpdir(), { bytes: 50_000, files, onFull() {} })
    const request = { body: Buffer.alloc(200_000), chunkSize: 10_000, isChunked }
    const { exchange } = handle(request, space)
    await exchange.over()
    const error = exchange.error as HttpError
    assert.deepEqual([error.status, error.retryAfter], [503, 10])
    const small = await handle({ body: Buffer.alloc(10_000) }, space).handled
    assert.equal(small!.length, 10_000, 'what fits into memory is served')
    small!.close()
    await files.untilClosed()
    assert.equal(space.bytes, 0)
  })

test('content that another application has had is not announced to the one that answers in its place', async () => {
  const headers = ['content-length', '5', 'content-type', 'a/b']
  const request = { method: 'POST', headers, body: Buffer.from('abcde') }
  const first = handle(request)
  await first.handled
  assert.equal(first.exchange.body.isPulled, true)
  const second = Promise.withResolvers<unknown>()
  const pool = { handle: (_: Exchange, body: unknown) => second.resolve(body) } as AppPool
  const { limits } = testApp()
  void appHandler(pool, {
    requestBuffering: true,
    limits,
    space: new TemporarySpace(tmpdir()),
    memory: new MemoryBudget(),
    onError: FakeExchange.failed,
  })(first.exchange)
  assert.equal(await second.promise, null)
  assert.deepEqual(first.exchange.request.headers, ['content-type', 'a/b'])
})
