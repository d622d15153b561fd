/**
 * The seam of response filters holds a filter as compression will be one: a stream of node:zlib, which works in other threads, has buffers of
 * its own, and can fail at any time.
 */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { constants, createGunzip, createGzip, gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { connect } from '../http1/testing/connect.ts'
import type { ResponseHead } from './exchange.ts'
import { addFilter } from './filtered-response.ts'
import { type ContentFilter, type ContentOutput, type ResponseFilter, withHeaders } from './response-filter.ts'
import { MemoryExchange } from './testing/memory-response.ts'
import { withoutLength } from './testing/without-length.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-gzip-'))
const path = join(directory, 'file')
after(() => rmSync(directory, { recursive: true }))

const HEAD: ResponseHead = { status: 200, reason: '', headers: [] }
const EVENTS: ResponseHead = { ...HEAD, headers: ['Content-Type', 'text/event-stream'] }

const gzip: ResponseFilter = head => {
  const { headers, status } = head
  if (status === 206) return { head, content: null }
  const vary = ['Vary', 'Accept-Encoding']
  if (status === 304) return { head: withHeaders(head, [...headers, ...vary]), content: null }
  const changed = withoutLength(head)
  const isEventStream = headers.includes('text/event-stream')
  return {
    head: withHeaders(changed, [...changed.headers, 'Content-Encoding', 'gzip', ...vary]),
    content: out => compress(out, isEventStream),
  }
}

/** `flushes`: each piece leaves at once, as an event must. */
function compress(out: ContentOutput, flushes: boolean): ContentFilter {
  const zlib = createGzip({ chunkSize: 1024 })
  zlib.on('data', (chunk: Buffer) => {
    if (!out.write(chunk)) zlib.pause()
  })
  zlib.on('end', () => out.end())
  zlib.on('drain', () => out.resume())
  zlib.on('error', error => out.abort(error))
  return {
    data(chunk) {
      if (!zlib.write(chunk)) out.pause()
      if (flushes) zlib.flush(constants.Z_SYNC_FLUSH)
      if (chunk.includes('BROKEN')) zlib.destroy(new Error('cannot compress'))
    },
    end: () => void zlib.end(),
    onDrain: () => void zlib.resume(),
    close: () => void zlib.destroy(),
  }
}

/** Bytes that no compression makes much shorter. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let last = 1
  for (let i = 0; i < length; i++) {
    last = (last * 48271) % 0x7fffffff
    bytes[i] = last & 0xff
  }
  return bytes
}

function gzipped(method = 'GET') {
  const exchange = new MemoryExchange(method)
  addFilter(exchange, gzip)
  return { exchange, client: exchange.client, response: exchange.response }
}

test('pieces and a file, a client of any pace, a source that waits: all of it arrives, and the trailers behind it', async () => {
  const pieces = fc.array(fc.nat(40_000), { minLength: 1, maxLength: 5 })
  const paces = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(5), paces, async (lengths, file, takes) => {
      const content = noise(lengths.reduce((sum, length) => sum + length, 0))
      const { client, response } = gzipped()
      let writes = 0
      client.accepts = () => {
        if (takes[writes++ % takes.length]) return true
        setImmediate(() => client.drain())
        return false
      }
      let goOn = () => {}
      response.onDrain(() => goOn())
      response.start({ ...HEAD, hasTrailers: true })
      let at = 0
      for (const [i, length] of lengths.entries()) {
        const piece = content.subarray(at, at + length)
        at += length
        if (i === file) {
          writeFileSync(path, piece)
          const fd = openSync(path, 'r')
          assert.equal(await new Promise(done => response.sendFile(fd, 0, length, done)), null)
          closeSync(fd)
        } else if (!response.write(Buffer.from(piece))) {
          await new Promise<void>(resolve => {
            goOn = resolve
          })
        }
      }
      response.end(['X-Sum', '7'])
      while (client.state === 'started') await new Promise(setImmediate)
      assert.ok(gunzipSync(Buffer.concat(client.chunks)).equals(content))
      assert.deepEqual([client.state, client.trailers], ['ended', ['X-Sum', '7']])
    }),
    { numRuns: 100 },
  )
})

test('a client that takes nothing holds the file back, and gives it back when it leaves', async () => {
  const { exchange, client, response } = gzipped()
  client.accepts = () => false
  response.start({ ...HEAD, headers: ['Content-Length', '1000000'] })
  writeFileSync(path, noise(1_000_000))
  const fd = openSync(path, 'r')
  const sent = new Promise<Error | null>(done => response.sendFile(fd, 0, 1_000_000, done))
  while (client.bytesWritten === 0) await new Promise(setImmediate)
  for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate)
  assert.ok(client.bytesWritten < 100_000)
  exchange.leave()
  assert.ok((await sent) instanceof Error)
  closeSync(fd)
})

test('an event leaves before the next one comes', async () => {
  const { client, response } = gzipped()
  const reader = createGunzip()
  const events = reader.setEncoding('utf8')[Symbol.asyncIterator]()
  let read = 0
  client.accepts = () => {
    for (const chunk of client.chunks.slice(read)) reader.write(chunk)
    read = client.chunks.length
    return true
  }
  response.start(EVENTS)
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    response.write(Buffer.from(event))
    assert.equal((await events.next()).value, event)
  }
  response.end()
  while (client.state === 'started') await new Promise(setImmediate)
  reader.end()
  assert.equal((await events.next()).done, true)
})

test('compression that fails cuts the response over HTTP/1.1, whether pieces or a file feed it', async () => {
  for (const isFile of [false, true]) {
    const { transport, exchanges, closed } = connect()
    transport.receive('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const exchange = exchanges[0]!
    addFilter(exchange, gzip)
    const over = new Promise<void>(resolve => exchange.onClosed(resolve))
    const { response } = exchange
    response.start(HEAD)
    if (isFile) {
      writeFileSync(path, Buffer.alloc(300_000, 'BROKEN'))
      const fd = openSync(path, 'r')
      assert.ok((await new Promise(done => response.sendFile(fd, 0, 300_000, done))) instanceof Error)
      closeSync(fd)
    } else response.write(Buffer.from('BROKEN'))
    await over
    assert.deepEqual([closed(), response.state, transport.calls], [1, 'aborted', ['destroy']])
    assert.doesNotMatch(transport.text, /\r\n0\r\n\r\n$/)
  }
})

test('HEAD and 304 have the changed head alone, and a range is passed on', () => {
  for (const [method, status, names] of [
    ['HEAD', 200, ['ETag', 'Content-Encoding', 'Vary']],
    ['GET', 304, ['ETag', 'Content-Length', 'Vary']],
    ['GET', 206, ['ETag', 'Content-Length']],
  ] as const) {
    const { client, response } = gzipped(method)
    response.respond({ ...HEAD, status, headers: ['ETag', '"a"', 'Content-Length', '4'] }, Buffer.from('part'))
    const { headers, content } = client.outcome
    assert.deepEqual(
      headers.filter((_, i) => i % 2 === 0),
      names,
    )
    assert.deepEqual([content, client.state], [status === 206 ? 'part' : '', 'ended'])
  }
})
