/** What a client gets of a compressed response: every byte, at once, in bounded memory; and what is sent as it is. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MemoryBudget } from '../base/memory-budget.ts'
import { CODINGS } from '../http/accept-encoding.ts'
import type { ResponseHead } from '../http/exchange.ts'
import { MAX_WHOLE } from './codings.ts'
import { compressed, decoded, encodersOf, html, prose } from './testing/compressed.ts'

const bytesOf = ({ chunks }: { readonly chunks: Buffer[] }) => Buffer.concat(chunks)

async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

test('whatever the coding, the cut, the pauses and the pace of the client: it decodes every byte', async () => {
  const pieces = fc.array(fc.record({ length: fc.nat(90_000), pauses: fc.boolean() }), { maxLength: 6 })
  const paces = fc.array(fc.boolean(), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...CODINGS),
      pieces,
      paces,
      fc.boolean(),
      async (coding, cut, paces, hasLength) => {
        const whole = prose(cut.reduce((sum, { length }) => sum + length, 0))
        const { client, response, over, encoders } = compressed({ accept: coding })
        let writes = 0
        client.accepts = () => {
          const accepts = paces[writes++ % paces.length]!
          if (!accepts) setImmediate(() => client.drain())
          return accepts
        }
        const length = hasLength && whole.length >= 10 ? ['Content-Length', String(whole.length)] : []
        response.start(html(...length))
        let at = 0
        for (const { length, pauses } of cut) {
          const isTaken = response.write(whole.subarray(at, at + length))
          at += length
          if (!isTaken) await new Promise<void>(resolve => response.onDrain(resolve))
          if (pauses) await turns()
        }
        response.end()
        await over
        assert.equal(client.state, 'ended')
        assert.ok(decoded(coding, bytesOf(client)).equals(whole))
        assert.deepEqual([encoders.count, encoders.memory.used], [0, 0])
      },
    ),
    { numRuns: 40 },
  )
})

test('a small response that is there at once is compressed within the call, and has its length', () => {
  for (const coding of CODINGS) {
    const content = prose(5000)
    const { client, response } = compressed({ accept: coding })
    response.respond(html('Content-Length', '5000', 'ETag', '"a"', 'Accept-Ranges', 'bytes'), content)
    assert.deepEqual(client.calls, ['respond'])
    assert.ok(decoded(coding, bytesOf(client)).equals(content))
    assert.deepEqual(client.head!.headers, [
      'Content-Type',
      'text/html; charset=utf-8',
      'ETag',
      'W/"a"',
      'Vary',
      'Accept-Encoding',
      'Content-Encoding',
      coding,
      'Content-Length',
      String(client.bytesWritten),
    ])
  }
})

test('a response that breaks its promise of a length is cut, and never complete', () => {
  const { client, response } = compressed()
  response.respond(html('Content-Length', '6000'), prose(5000))
  assert.equal(client.state, 'aborted')
})

test('each piece of a stream can be decoded before the next one comes', async () => {
  for (const coding of CODINGS) {
    const { client, response, over } = compressed({ accept: coding })
    response.start({ status: 200, reason: '', headers: ['Content-Type', 'text/event-stream'] })
    let sent = ''
    for (let i = 0; i < 5; i++) {
      const event = `data: event ${i}\n\n`
      const { promise: came, resolve } = Promise.withResolvers<boolean>()
      client.accepts = () => {
        resolve(true)
        return true
      }
      response.write(Buffer.from(event))
      sent += event
      await came
      // A piece may come in two.
      await turns()
      assert.equal(decoded(coding, bytesOf(client), true).toString(), sent)
    }
    response.end()
    await over
    assert.equal(decoded(coding, bytesOf(client)).toString(), sent)
  }
})

test('a client that leaves frees the encoder, wherever it is', async () => {
  const { exchange, response, encoders } = compressed()
  response.start(html())
  response.write(prose(200_000))
  assert.equal(encoders.count, 1)
  assert.ok(encoders.memory.used > 200_000)
  exchange.leave()
  assert.deepEqual([encoders.count, encoders.memory.used], [0, 0])
  while (encoders.pool.waiting > 0) await turns(1)
})

test('a slow client stops the source, and what is held for it is bounded', async () => {
  const { client, response, encoders } = compressed()
  const { promise: hasWritten, resolve } = Promise.withResolvers<void>()
  client.accepts = () => {
    resolve()
    return false
  }
  response.start(html())
  const chunk = prose(16_384)
  let given = 0
  while (response.write(chunk)) {
    given++
    await turns(1)
    assert.ok(given < 100, 'it waits')
  }
  await hasWritten
  await turns(20)
  assert.equal(client.chunks.length, client.calls.filter(call => call === 'write').length)
  assert.ok(encoders.memory.used < 2 * 1024 * 1024)
})

test('HEAD has the head of a GET, and no encoder', () => {
  const { client, response, encoders } = compressed({ method: 'HEAD' })
  response.start(html('Content-Length', '50000'))
  response.end()
  assert.deepEqual(client.head!.headers.slice(2), ['Vary', 'Accept-Encoding', 'Content-Encoding', 'gzip'])
  assert.deepEqual([encoders.count, client.bytesWritten], [0, 0])
})

describe('as it is', () => {
  const sent = (head: ResponseHead, asked: Parameters<typeof compressed>[0] = {}) => {
    const { client, response } = compressed(asked)
    response.respond(head, prose(2000))
    return client.head!.headers
  }

  test('what is no text, short, compressed, a part, a digest, or must not be transformed', () => {
    const heads: ResponseHead[] = [
      { status: 200, reason: '', headers: ['Content-Type', 'image/png'] },
      { status: 200, reason: '', headers: [] },
      html('Content-Encoding', 'br'),
      { ...html('Content-Range', 'bytes 0-1999/5000'), status: 206 },
      html('Content-Range', 'bytes 0-1999/5000'),
      html('cache-control', 'public, No-Transform'),
      html('Content-Digest', 'sha-256=:x:'),
      html('Content-Length', '2000', 'content-length', '3000'),
      { ...html(), status: 302 },
    ]
    for (const head of heads) assert.equal(sent(head), head.headers)
    const { client, response } = compressed()
    response.respond(html('Content-Length', '9'), Buffer.from('123456789'))
    assert.equal(client.calls.length, 1)
    assert.equal(bytesOf(client).toString(), '123456789')
  })

  test('for a client that does not want it, with Vary', () => {
    for (const accept of ['', 'identity', 'gzip;q=0', 'deflate'])
      assert.deepEqual(sent(html(), { accept }).slice(2), ['Vary', 'Accept-Encoding'])
  })

  test('while memory is short: nothing waits, and nothing is compressed', () => {
    const memory = new MemoryBudget({ limit: 1000, onEvict() {} })
    memory.open('x', null).set(900)
    const { client, response } = compressed({ encoders: encodersOf(memory) })
    response.respond(html(), prose(2000))
    assert.ok(bytesOf(client).equals(prose(2000)))
    assert.deepEqual(client.head!.headers.slice(2), ['Vary', 'Accept-Encoding'])
  })

  test('more responses than there may be encoders; small ones are still compressed', () => {
    const encoders = encodersOf()
    const all = Array.from({ length: 230 }, () => {
      const one = compressed({ encoders })
      one.response.start(html())
      one.response.write(prose(MAX_WHOLE + 1))
      return one
    })
    // The pool has enough to do after the first ones.
    const isCompressed = all.map(({ client }) => client.head!.headers.includes('Content-Encoding'))
    const count = isCompressed.filter(Boolean).length
    assert.ok(count >= 16 && count < 30, String(count))
    const small = compressed({ encoders })
    small.response.respond(html('Content-Length', '2000'), prose(2000))
    assert.ok(small.client.head!.headers.includes('Content-Encoding'))
    for (const { exchange } of all) exchange.leave()
    assert.equal(encoders.count, 0)
  })
})

test('the client chooses by quality, and the order of the codings decides between equal ones', () => {
  const codingOf = (accept: string, codings?: readonly ('gzip' | 'br' | 'zstd')[]) => {
    const { client, response } = compressed({ accept, compression: codings ? { codings } : {} })
    response.respond(html(), prose(2000))
    return client.head!.headers[client.head!.headers.indexOf('Content-Encoding') + 1]
  }
  assert.equal(codingOf('gzip, deflate, br, zstd'), 'zstd')
  assert.equal(codingOf('gzip, deflate, br, zstd', ['gzip', 'br']), 'gzip')
  assert.equal(codingOf('gzip;q=0.5, br;q=0.8, zstd;q=0.1'), 'br')
  assert.equal(codingOf('*'), 'zstd')
  assert.equal(codingOf('zstd;q=0, *;q=0.5'), 'br')
})

test('Vary is merged with what the response has', () => {
  const varyOf = (...headers: string[]) => {
    const { client, response } = compressed()
    response.respond(html(...headers), prose(2000))
    const lines = client.head!.headers
    return lines.flatMap((name, i) => (i % 2 === 0 && name.toLowerCase() === 'vary' ? [lines[i + 1]] : []))
  }
  assert.deepEqual(varyOf('vary', 'Cookie'), ['Cookie, Accept-Encoding'])
  assert.deepEqual(varyOf('Vary', 'Cookie', 'Vary', 'accept-encoding'), ['Cookie', 'accept-encoding'])
  assert.deepEqual(varyOf('Vary', '*'), ['*'])
})
