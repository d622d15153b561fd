import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BodyConsumer, Exchange } from '../http/exchange.ts'
import { answer, connect, fakeTime, GET, HELLO, type Setup, tick } from './testing/connect.ts'

test('a complete response leaves in one write, and the connection stays', () => {
  const { transport, connection, closed } = connect(answer)
  transport.receive(GET)
  assert.deepEqual(transport.writes.map(String), [HELLO])
  assert.equal(closed(), 1)
  assert.ok(connection.isIdle)
  transport.receive(GET)
  assert.equal(transport.writes.length, 2)
})

test('pipelined requests: the next begins when the one in front of it is answered', () => {
  const { transport, exchanges } = connect()
  transport.receive(GET + GET + GET)
  assert.equal(exchanges.length, 1)
  assert.ok(transport.paused)
  for (let i = 0; i < 3; i++) answer(exchanges[i]!)
  assert.equal(exchanges.length, 3)
  assert.equal(transport.text, HELLO.repeat(3))
  assert.ok(!transport.paused)
})

test('a thousand pipelined requests that are answered at once do not nest, and other connections have their turns', async () => {
  const { transport, connection, exchanges } = connect(answer)
  transport.receive(GET.repeat(1000))
  assert.ok(exchanges.length < 50, String(exchanges.length))
  assert.ok(transport.paused)
  assert.ok(!connection.isIdle)
  let turns = 0
  for (; exchanges.length < 1000 && turns < 100; turns++) await tick()
  assert.equal(exchanges.length, 1000)
  assert.ok(turns > 20, String(turns))
  assert.equal(transport.text, HELLO.repeat(1000))
  await tick()
  assert.ok(!transport.paused)
  assert.ok(connection.isIdle)
})

test('a client that goes while its pipelined requests rest is no fault', async () => {
  const { transport, connection, exchanges } = connect(answer)
  transport.receive(GET.repeat(1000))
  transport.destroy()
  await tick()
  assert.ok(exchanges.length < 50)
  assert.ok(connection.isIdle)
})

test('content in chunks of one byte: the connection rests within the turn (RFC9112§7.1)', async () => {
  const { transport, exchanges } = connect()
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n')
  let bytes = 0
  const done = new Promise<void>((resolve, reject) => {
    exchanges[0]!.body.pull({
      onData(chunk: Buffer) {
        bytes += chunk.length
        return true
      },
      onEnd: () => resolve(),
      onError: reject,
    })
  })
  const chunks = Buffer.from('1\r\nx\r\n'.repeat(10_000))
  let reads = 0
  // As the system does: up to 32 reads in a turn.
  while (!transport.paused && reads < 400) {
    transport.receive(chunks)
    reads++
  }
  assert.ok(transport.paused, 'it is read for ever')
  await tick()
  assert.ok(!transport.paused, 'it is never read again')
  transport.receive('0\r\n\r\n')
  await done
  assert.equal(bytes, reads * 10_000)
})

test('a head alone leaves at the end of the turn; chunks follow one by one (RFC9112§7.1)', async () => {
  const { transport, exchanges } = connect()
  transport.receive(GET)
  const { response } = exchanges[0]!
  response.start({ status: 200, reason: '', headers: ['Date', 'now'] })
  assert.equal(transport.writes.length, 0)
  await tick()
  assert.equal(transport.text, 'HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n')
  response.write(Buffer.from('abc'))
  response.end()
  assert.ok(transport.text.endsWith('\r\n\r\n3\r\nabc\r\n0\r\n\r\n'))
})

test('HTTP/1.0 without a length ends with the connection (RFC9112§6.3)', () => {
  const { transport } = connect(exchange => answer(exchange, 'hello', []))
  transport.receive('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  assert.equal(transport.text, 'HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\nhello')
  assert.ok(transport.calls.includes('end'))
})

for (const [name, request, status] of [
  ['HEAD', 'HEAD / HTTP/1.1\r\nHost: t\r\n\r\n', 200],
  ['204', GET, 204],
  ['304', GET, 304],
] as const) {
  test(`${name} carries no content whatever the handler writes (RFC9110§6.4.1)`, () => {
    const { transport } = connect(exchange => {
      exchange.response.start({ status, reason: '', headers: ['Date', 'now', 'Content-Length', '5'] })
      exchange.response.write(Buffer.from('hello'))
      exchange.response.end()
    })
    transport.receive(request)
    assert.ok(transport.text.endsWith('\r\n\r\n'), transport.text)
    assert.equal(transport.text.includes('Content-Length'), status !== 204)
    transport.receive(GET)
    assert.ok(!transport.calls.includes('end'))
  })
}

test('what the connection answers by itself is told once, for the access log', () => {
  const { transport, answered, exchanges } = connect(exchange => answer(exchange))
  transport.receive(
    `OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n${GET}GET /%0d%0a HTTP/1.1\r\nUser-Agent: a\r\nBad header\r\n\r\n`,
  )
  assert.equal(exchanges.length, 1)
  assert.deepEqual(
    answered.map(({ request, response }) => [request.method, request.target, response.status]),
    [
      ['OPTIONS', '*', 204],
      ['-', '-', 400],
    ],
  )
  assert.ok(answered[1]!.response.bytesWritten > 0)
  assert.match(answered[1]!.id, /^[0-9a-z]{8}-/)
})

test('more than Content-Length is cut off and the connection closes', () => {
  const { transport } = connect(exchange => answer(exchange, 'hello and more', ['Content-Length', '5']))
  transport.receive(GET)
  assert.equal(transport.text, HELLO)
  assert.ok(transport.calls.includes('end'))
})

test('less than Content-Length cuts the connection', () => {
  const { transport, closed } = connect(exchange => answer(exchange, 'hell', ['Content-Length', '5']))
  transport.receive(GET)
  assert.deepEqual(transport.calls, ['destroy'])
  assert.equal(closed(), 1)
})

test('an aborted response whose end is the end of the connection is a reset: it must not look complete', async () => {
  const { transport, exchanges } = connect()
  transport.receive('GET / HTTP/1.0\r\n\r\n')
  exchanges[0]!.response.start({ status: 200, reason: '', headers: [] })
  await tick()
  exchanges[0]!.response.abort(new Error('broken'))
  assert.deepEqual(transport.calls, ['reset if cut', 'reset'])
})

test('100 Continue is sent when the content is pulled, and not before (RFC9110§10.1.1)', () => {
  const { transport, exchanges } = connect()
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n')
  assert.equal(transport.text, '')
  exchanges[0]!.body.pull({ onData: () => true, onEnd: () => answer(exchanges[0]!), onError: assert.fail })
  assert.equal(transport.text, 'HTTP/1.1 100 Continue\r\n\r\n')
  transport.receive('abc')
  assert.equal(transport.text, `HTTP/1.1 100 Continue\r\n\r\n${HELLO}`)
})

test('a refusal instead of 100 Continue closes: the client may or may not send its content', () => {
  const { transport } = connect(answer)
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n')
  assert.match(transport.text, /Connection: close/)
  assert.ok(transport.calls.includes('end'))
})

test('the client is not read before somebody asks', () => {
  const { transport, exchanges } = connect()
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 6\r\n\r\nabc')
  assert.ok(transport.paused)
  const got: string[] = []
  exchanges[0]!.body.pull({
    onData: chunk => got.push(chunk.toString()) < 0,
    onEnd: () => got.push('end'),
    onError: assert.fail,
  })
  assert.deepEqual(got, ['abc'])
  assert.ok(transport.paused, 'the consumer said: wait')
  exchanges[0]!.body.resume()
  assert.ok(!transport.paused)
  transport.receive('def')
  exchanges[0]!.body.resume()
  assert.deepEqual(got, ['abc', 'def', 'end'])
})

test('content that nobody wanted is skipped when it is short, and the next request is served', () => {
  const { transport, exchanges } = connect(answer)
  transport.receive(`POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 50000\r\n\r\n`)
  for (let i = 0; i < 5; i++) transport.receive('x'.repeat(10_000))
  transport.receive(GET)
  assert.equal(exchanges.length, 2)
  assert.equal(transport.text, HELLO.repeat(2))
})

test('a response to which much content is still to come says that the connection ends with it (RFC9112§9.6)', () => {
  for (const [length, isLast] of [
    [64 * 1024, false],
    [64 * 1024 + 1, true],
  ] as const) {
    const { transport, exchanges } = connect()
    transport.receive(`POST / HTTP/1.1\r\nHost: t\r\nContent-Length: ${length + 10}\r\n\r\n0123456789`)
    answer(exchanges[0]!, 'no')
    assert.equal(/^Connection: close\r$/im.test(transport.text), isLast, transport.text)
  }
})

test('content that nobody wanted ends the connection when it is long', () => {
  const { transport, exchanges } = connect(answer)
  transport.receive(`POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 500000\r\n\r\n`)
  for (let i = 0; i < 8; i++) transport.receive('x'.repeat(10_000))
  assert.ok(transport.calls.includes('end'))
  transport.receive(GET)
  assert.equal(exchanges.length, 1)
})

test('a broken chunk while the content is pulled: the handler hears of it, the connection closes after its answer', () => {
  const { transport, exchanges } = connect()
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n')
  let status = 0
  exchanges[0]!.body.pull({
    onData: () => true,
    onEnd: () => assert.fail(),
    onError: error => {
      status = (error as { status?: number }).status ?? 0
      answer(exchanges[0]!)
    },
  })
  transport.receive('zz\r\n')
  assert.equal(status, 400)
  assert.match(transport.text, /Connection: close/)
  transport.receive(GET)
  assert.equal(exchanges.length, 1)
})

test('content that breaks after its request was answered gets no second response', () => {
  const { transport } = connect(answer)
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
  transport.receive('zz\r\n')
  assert.equal(transport.text, HELLO)
  assert.ok(transport.calls.includes('end'))
})

test('a refusal can be read: written, then FIN, then what the client still sends is taken (RFC9112§9.6)', () => {
  const { transport } = connect()
  transport.receive('GET / HTTP/1.1\r\n\r\n')
  assert.match(transport.text, /^HTTP\/1\.1 400 Bad Request\r\n.*Connection: close\r\n\r\n400 Host is missing/s)
  assert.deepEqual(transport.calls, ['end'])
  transport.receive('x'.repeat(100_000))
  assert.deepEqual(transport.calls, ['end'])
  transport.halfClose()
  assert.deepEqual(transport.calls, ['end', 'destroy'])
})

test('a client that half-closes is answered', () => {
  const { transport, exchanges } = connect()
  transport.receive(GET)
  transport.halfClose()
  answer(exchanges[0]!)
  assert.match(transport.text, /hello$/)
})

test('a client that half-closes within its content is gone, and nothing of it stays', async () => {
  const { transport, exchanges, closed } = connect()
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 6\r\n\r\nabc')
  const errors: Error[] = []
  exchanges[0]!.body.pull({ onData: () => true, onEnd: () => assert.fail(), onError: error => errors.push(error) })
  transport.halfClose()
  await tick()
  assert.equal(closed(), 1)
  assert.ok(transport.closed)
  assert.deepEqual(errors.map(String), ['ClientGoneError: the client closed the connection'])
})

test('a client that leaves: onAborted and onClosed, each once; writes are ignored', async () => {
  const { transport, exchanges, closed } = connect()
  transport.receive(GET)
  let aborted = 0
  exchanges[0]!.onAborted(() => aborted++)
  transport.leave()
  await tick()
  assert.deepEqual([aborted, closed()], [1, 1])
  exchanges[0]!.response.write(Buffer.from('x'))
  exchanges[0]!.response.end()
  assert.equal(transport.text, '')
})

test('time-outs: a head that does not come in time is 408, however often a byte arrives', t => {
  const advance = fakeTime(t)
  const { transport } = connect()
  for (const byte of 'GET / HT') {
    transport.receive(byte)
    advance(150)
  }
  assert.match(transport.text, /^HTTP\/1\.1 408 /)
})

test('time-outs: content without progress is 408', t => {
  const advance = fakeTime(t)
  const { transport, exchanges } = connect()
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 6\r\n\r\n')
  let status = 0
  exchanges[0]!.body.pull({
    onData: () => true,
    onEnd: () => assert.fail(),
    onError: error => {
      status = (error as { status?: number }).status ?? 0
    },
  })
  for (let i = 0; i < 4; i++) {
    advance(700)
    transport.receive('x')
  }
  assert.equal(status, 0, 'progress counts')
  advance(1200)
  assert.equal(status, 408)
})

test('time-outs: an idle connection is closed silently, a running exchange is not', t => {
  const advance = fakeTime(t)
  const { transport, exchanges } = connect()
  transport.receive(GET)
  advance(60_000)
  assert.deepEqual(transport.calls, [])
  answer(exchanges[0]!)
  advance(3000)
  assert.deepEqual(transport.calls, ['destroy'])
  assert.equal(transport.text, HELLO)
})

test('time-outs: a client that takes nothing is cut, one that takes a little is not', t => {
  const advance = fakeTime(t)
  const { transport, exchanges } = connect()
  transport.receive(GET)
  transport.reading = false
  exchanges[0]!.response.start({ status: 200, reason: '', headers: [] })
  exchanges[0]!.response.write(Buffer.alloc(100_000))
  exchanges[0]!.response.write(Buffer.alloc(100_000))
  for (let i = 0; i < 5; i++) {
    transport.pendingBytes -= 100
    advance(900)
  }
  assert.deepEqual(transport.calls, [])
  advance(2500)
  assert.deepEqual(transport.calls, ['destroy'])
})

test('a body whose response has ended asks for nothing of the request behind it', () => {
  const { transport, exchanges } = connect()
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\n')
  answer(exchanges[0]!)
  transport.receive('abcd')
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
  assert.equal(exchanges.length, 2)
  exchanges[0]!.body.resume()
  assert.equal(transport.text, HELLO)
})

test('sendFile sends the part that was asked for and calls back once, also when the client leaves', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-http1-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'file')
  writeFileSync(path, Buffer.alloc(2_000_000, 'abcdefghij'))
  for (const leaves of ['never', 'while the file is read', 'while bytes pend']) {
    const fd = openSync(path, 'r')
    const { transport, exchanges } = connect()
    transport.receive(GET)
    const { response } = exchanges[0]!
    response.start({ status: 200, reason: '', headers: ['Content-Length', '1500005'] })
    if (leaves !== 'never') transport.reading = false
    const results: (Error | null)[] = []
    const done = new Promise<void>(resolve => {
      response.sendFile(fd, 10, 1_500_005, error => {
        results.push(error)
        resolve()
      })
    })
    if (leaves === 'while bytes pend') while (transport.pendingBytes === 0) await tick()
    if (leaves !== 'never') transport.leave()
    await done
    closeSync(fd)
    response.end()
    await tick()
    assert.equal(results.length, 1)
    assert.equal(results[0] === null, leaves === 'never', leaves)
    if (leaves === 'never') assert.ok(transport.text.endsWith('abcdefghijabcde'))
  }
})

test('response splitting is refused at the last moment too', () => {
  for (const headers of [
    ['A', 'b\r\nC: d'],
    ['A\r\nB', 'c'],
    ['A', 'b\nc'],
    ['A', 'b\0'],
    ['A', '\u010d\u010a'],
  ]) {
    const { transport, exchanges } = connect()
    transport.receive(GET)
    assert.throws(() => exchanges[0]!.response.start({ status: 200, reason: '', headers }))
    assert.throws(() => exchanges[0]!.response.start({ status: 200, reason: 'OK\r\nX: y', headers: [] }))
    assert.equal(transport.text, '')
  }
})

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const CHUNKED = 'POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n'
const consumer = { onData: () => true, onEnd() {}, onError() {} }

/** What a client may do, in any state of the connection. */
const CLIENT: Readonly<Record<string, (client: Setup, advance: (ms: number) => void) => unknown>> = {
  get: ({ transport }) => transport.receive(GET),
  'two gets': ({ transport }) => transport.receive(GET + GET),
  'a part of a head': ({ transport }) => transport.receive('GET / HT'),
  'the rest of a head': ({ transport }) => transport.receive('TP/1.1\r\nHost: t\r\n\r\n'),
  'an empty line': ({ transport }) => transport.receive('\r\n'),
  post: ({ transport }) => transport.receive('POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\n'),
  'a large post': ({ transport }) => transport.receive('POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999\r\n\r\n'),
  'a post that waits': ({ transport }) =>
    transport.receive('POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n'),
  body: ({ transport }) => transport.receive('abcd'),
  'body and get': ({ transport }) => transport.receive(`abcd${GET}`),
  'a large body': ({ transport }) => transport.receive('a'.repeat(50_000)),
  'chunked post': ({ transport }) => transport.receive(CHUNKED),
  chunk: ({ transport }) => transport.receive('4\r\nabcd\r\n'),
  'last chunk': ({ transport }) => transport.receive('0\r\n\r\n'),
  'all at once': ({ transport }) => transport.receive(`${CHUNKED}4\r\nabcd\r\n0\r\n\r\n${GET}`),
  'OPTIONS *': ({ transport }) => transport.receive('OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n'),
  junk: ({ transport }) => transport.receive('\n'),
  upgrade: ({ transport }) => transport.receive(UPGRADE),
  'half-close': ({ transport }) => transport.halfClose(),
  leave: ({ transport }) => transport.leave(),
  slow: ({ transport }) => {
    transport.reading = false
  },
  drain: ({ transport }) => transport.drain(),
  stop: ({ startDrain }) => startDrain(),
  'nothing for a second': (_, advance) => advance(1100),
  'nothing for long': (_, advance) => advance(5000),
  tick: () => tick(),
}

/** Content is pulled once. */
const pulled = new WeakSet<object>()
function pullOnce({ body, response }: Exchange, by: BodyConsumer): void {
  if (pulled.has(body) || (body as { isComplete?: boolean }).isComplete || response.state !== 'idle') return
  pulled.add(body)
  body.pull(by)
}

/** What a handler may do with the last exchange. */
const HANDLER: Readonly<Record<string, (exchange: Exchange) => unknown>> = {
  start: ({ response }) => response.state === 'idle' && response.start({ status: 200, reason: '', headers: [] }),
  write: ({ response }) => response.write(Buffer.from('x')),
  end: ({ response }) => response.end(),
  answer: exchange => exchange.response.state === 'idle' && answer(exchange),
  abort: ({ response }) => response.abort(new Error('no')),
  pull: exchange => pullOnce(exchange, consumer),
  'pull, and take nothing': exchange => pullOnce(exchange, { ...consumer, onData: () => false }),
  resume: ({ body }) => body.resume(),
  limit: ({ body, response }) => response.state === 'idle' && body.limitTo(3),
  accept: exchange => {
    if (exchange.isWebSocket && exchange.response.state === 'idle')
      exchange.acceptWebSocket({ subprotocol: '', headers: [] }, { onMessage() {}, onDrain() {}, onClose() {} })
  },
}

/** Answers whatever still runs on the connection. */
function finish({ exchanges }: Setup): void {
  for (let last = exchanges.at(-1); last !== undefined; last = exchanges.at(-1)) {
    const { state } = last.response
    if (state === 'idle') answer(last)
    else if (state === 'started') last.response.end()
    if (last === exchanges.at(-1)) return
  }
}

test('whatever client and handler do in whatever order, each exchange ends once, nothing is written after the end, a silent client goes', async t => {
  const advance = fakeTime(t)
  const names = fc.oneof(fc.constantFrom(...Object.keys(CLIENT)), fc.constantFrom(...Object.keys(HANDLER)))
  await fc.assert(
    fc.asyncProperty(
      fc.array(names, { maxLength: 25 }),
      fc.constantFrom('later', 'at once', 'with the first byte'),
      fc.boolean(),
      async (actions, when, isSilent) => {
        const ends = new Map<Exchange, number>()
        const setup = connect(exchange => {
          ends.set(exchange, 0)
          exchange.onClosed(() => ends.set(exchange, ends.get(exchange)! + 1))
          if (when === 'at once') answer(exchange)
          if (when !== 'with the first byte') return
          const onByte = () => {
            if (exchange.response.state === 'idle') answer(exchange)
            return true
          }
          pulled.add(exchange.body)
          exchange.body.pull({ onData: onByte, onEnd: onByte, onError: onByte })
        })
        for (const what of actions) {
          const exchange = setup.exchanges.at(-1)
          await CLIENT[what]?.(setup, advance)
          if (exchange !== undefined) HANDLER[what]?.(exchange)
        }
        // Silence alone must end it, too: no state is without a deadline when everything is answered.
        if (isSilent) finish(setup)
        else setup.connection.destroy()
        await tick()
        advance(20_000)
        await tick()
        assert.ok(setup.transport.closed)
        for (const [, count] of ends) assert.equal(count, 1)
      },
    ),
    { numRuns: 4000 },
  )
})
