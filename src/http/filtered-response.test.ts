/** The seam of response filters: whatever the cut, the pace and the calls, a filtered response is the filter's of the whole content. */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { connect } from '../http1/testing/connect.ts'
import { FileCutError } from './errors.ts'
import type { Exchange, ResponseHead, ResponseWriter } from './exchange.ts'
import { addFilter } from './filtered-response.ts'
import { type ContentFilter, type ContentOutput, type ResponseFilter, withHeaders } from './response-filter.ts'
import { MemoryExchange, type Outcome } from './testing/memory-response.ts'
import { withoutLength } from './testing/without-length.ts'

// ---- filters ----

/** A filter of the content, and what it makes of a whole one. */
interface Named {
  readonly name: string
  readonly filter: ResponseFilter
  readonly whole: (content: string) => string
  readonly keepsLength?: boolean
}

let closed = 0
let opened = 0

function contentFilter(
  name: string,
  whole: Named['whole'],
  make: (out: ContentOutput) => Omit<ContentFilter, 'close'>,
  keepsLength = false,
): Named {
  return {
    name,
    whole,
    keepsLength,
    filter: head => ({
      head: keepsLength ? head : withoutLength(head),
      content: out => {
        opened++
        return { ...make(out), close: () => closed++ }
      },
    }),
  }
}

const same = (content: string) => content
const headOnly: Named = {
  name: 'head only',
  whole: same,
  keepsLength: true,
  filter: head => ({ head: withHeaders(head, [...head.headers, 'X-Filtered', 'yes']), content: null }),
}
const observer = contentFilter(
  'observer',
  same,
  out => ({ data: chunk => void out.write(chunk), end: () => out.end(), onDrain() {} }),
  true,
)
const grows = contentFilter(
  'grows',
  content => content.replaceAll(/./gs, '$&$&'),
  out => ({
    data: chunk => {
      const twice = Buffer.alloc(2 * chunk.length)
      for (let i = 0; i < twice.length; i++) twice[i] = chunk[i >> 1]!
      out.write(twice)
    },
    end: () => out.end(),
    onDrain() {},
  }),
)
const shrinks = contentFilter(
  'shrinks',
  content => content.replaceAll(/(.).?/gs, '$1'),
  out => {
    let position = 0
    return {
      data: chunk => {
        const first = position % 2
        position += chunk.length
        out.write(Buffer.from(chunk.filter((_, i) => i % 2 === first)))
      },
      end: () => out.end(),
      onDrain() {},
    }
  },
)
/** As a compressor does: nothing before the end, and then in another turn. */
const comesLate = contentFilter(
  'comes late',
  content => `${content.length}:${content}`,
  out => {
    const kept: Buffer[] = []
    return {
      data: chunk => void kept.push(chunk),
      end: () => {
        const content = Buffer.concat(kept)
        setImmediate(() => {
          out.write(Buffer.from(`${content.length}:`))
          out.write(content)
          out.end()
        })
      },
      onDrain() {},
    }
  },
)
/** Works in other turns on one piece at a time, and waits for a slow client. */
const worksAside = contentFilter(
  'works aside',
  content => content.toUpperCase(),
  out => {
    const waiting: Buffer[] = []
    let isEnding = false
    let isBlocked = false
    const work = () => {
      const piece = isBlocked ? undefined : waiting.shift()
      if (piece === undefined) return
      isBlocked = !out.write(Buffer.from(piece.toString('latin1').toUpperCase(), 'latin1'))
      if (waiting.length > 0) setImmediate(work)
      else if (isEnding) out.end()
      else out.resume()
    }
    return {
      data: chunk => {
        waiting.push(chunk)
        out.pause()
        setImmediate(work)
      },
      end: () => {
        isEnding = true
        if (waiting.length === 0) out.end()
      },
      onDrain: () => {
        isBlocked = false
        work()
      },
    }
  },
)
const replaces: Named = {
  name: 'replaces',
  whole: () => 'other',
  filter: head => ({
    head: withHeaders(withoutLength(head), [...withoutLength(head).headers, 'Content-Length', '5']),
    content: out => {
      opened++
      return {
        data() {},
        end: () => {
          out.write(Buffer.from('other'))
          out.end()
        },
        onDrain() {},
        close: () => closed++,
      }
    },
  }),
}

// ---- the source, as a relay writes ----

interface Script {
  readonly method: 'GET' | 'HEAD'
  readonly status: number
  readonly content: string
  /** Lengths of the pieces. */
  readonly cuts: readonly number[]
  /** The piece with this number comes from a file. */
  readonly file: number
  /** Everything in one call. */
  readonly isWhole: boolean
  /** What Content-Length says, more or less than the truth; null: there is none. */
  readonly lengthError: number | null
  readonly trailers: string[]
  /** Of the writes in their order: whether the client takes them at once. */
  readonly paces: readonly boolean[]
}

const directory = mkdtempSync(join(tmpdir(), 'jumak-filter-'))
const path = join(directory, 'file')
after(() => rmSync(directory, { recursive: true }))

function piecesOf({ content, cuts }: Script): string[] {
  const pieces: string[] = []
  let at = 0
  for (const length of cuts) {
    pieces.push(content.slice(at, at + length))
    at += length
  }
  return [...pieces, content.slice(at)]
}

function headOf({ status, content, lengthError, trailers }: Script): ResponseHead {
  const headers = ['Content-Type', 'text/plain']
  if (lengthError !== null) headers.push('Content-Length', String(Math.max(0, content.length + lengthError)))
  return trailers.length > 0 ? { status, reason: '', headers, hasTrailers: true } : { status, reason: '', headers }
}

async function play(script: Script, response: ResponseWriter): Promise<void> {
  const pieces = piecesOf(script)
  const head = headOf(script)
  if (script.isWhole && script.trailers.length === 0) {
    const lent = Buffer.from(script.content, 'latin1')
    response.respond(head, lent)
    lent.fill('~')
    return
  }
  let goOn = () => {}
  response.onDrain(() => goOn())
  response.start(head)
  for (const [i, piece] of pieces.entries()) {
    if (i === script.file) {
      writeFileSync(path, Buffer.from(`before${piece}after`, 'latin1'))
      const fd = openSync(path, 'r')
      const error = await new Promise(done => response.sendFile(fd, 'before'.length, piece.length, done))
      closeSync(fd)
      assert.equal(error, null)
    } else if (!response.write(Buffer.from(piece, 'latin1'))) {
      await new Promise<void>(resolve => {
        goOn = resolve
      })
    }
    // As in life: sometimes at once, sometimes later.
    if (i % 3 === 2) await new Promise(setImmediate)
  }
  response.end(script.trailers)
}

/** The client takes what it did not take at once in the next turn of the event loop. */
function pace(paces: readonly boolean[], drain: () => void): () => boolean {
  let writes = 0
  return () => {
    if (paces[writes++ % paces.length] ?? true) return true
    setImmediate(drain)
    return false
  }
}

async function inMemory(script: Script, filters: readonly Named[]): Promise<Outcome> {
  const exchange = new MemoryExchange(script.method)
  for (const { filter } of filters) addFilter(exchange, filter)
  exchange.client.accepts = pace(script.paces, () => exchange.client.drain())
  await play(script, exchange.response)
  while (exchange.client.state === 'started') await new Promise(setImmediate)
  return exchange.client.outcome
}

/** The same on a connection of HTTP/1.1, read as a client does. */
async function overHttp1(script: Script, filters: readonly Named[]): Promise<Outcome> {
  const { transport, exchanges } = connect()
  Object.defineProperty(transport, 'reading', { get: pace(script.paces, () => transport.drain()), set() {} })
  transport.receive(`${script.method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
  const [exchange] = exchanges as [Exchange]
  const { response } = exchange
  for (const { filter } of filters) addFilter(exchange, filter)
  await play(script, exchange.response)
  while (response.state === 'started') await new Promise(setImmediate)
  const isComplete = response.state === 'ended'
  transport.leave()
  return readHttp1(transport.text, isComplete)
}

function readHttp1(text: string, isComplete: boolean): Outcome {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const fields = lines.map(line => line.split(': ') as [string, string])
  const isChunked = fields.some(([name]) => name === 'Transfer-Encoding')
  const headers = fields.filter(([name]) => !['Date', 'Transfer-Encoding', 'Connection'].includes(name)).flat()
  let rest = text.slice(end + 4)
  let content = ''
  let trailers: string[] = []
  if (!isChunked) content = rest
  else
    while (rest !== '') {
      const line = rest.indexOf('\r\n')
      const size = Number.parseInt(rest.slice(0, line), 16)
      if (size === 0) {
        trailers = rest.slice(line + 2, -4).split(/: |\r\n/)
        break
      }
      content += rest.slice(line + 2, line + 2 + size)
      rest = rest.slice(line + 2 + size + 2)
    }
  return {
    status: Number(first.split(' ')[1]),
    headers,
    content,
    trailers: trailers.filter(text => text !== ''),
    isComplete,
  }
}

// ---- what must come of it ----

const withoutContent = ({ method, status }: Script) => method === 'HEAD' || [204, 205, 304].includes(status)

function expected(script: Script, filters: readonly Named[]): Outcome {
  const { headers } = headOf(script)
  const promised =
    script.lengthError === null || script.trailers.length > 0
      ? null
      : Math.max(0, script.content.length + script.lengthError)
  const isShort = promised !== null && promised > script.content.length
  // The one that was added last sees the response first.
  const order = filters.toReversed()
  let fields = headers
  let content = promised === null ? script.content : script.content.slice(0, promised)
  for (const named of order) {
    fields = named.filter({ ...headOf(script), headers: fields }, new MemoryExchange()).head.headers
    content = named.whole(content)
  }
  if (withoutContent(script))
    return { status: script.status, headers: fields, content: '', trailers: [], isComplete: true }
  return {
    status: script.status,
    headers: fields,
    content,
    trailers: isShort ? [] : script.trailers,
    isComplete: !isShort,
  }
}

/** Of a cut response only that it is cut, and how its head was, can be known. */
function assertOutcome(found: Outcome, wanted: Outcome): void {
  assert.equal(found.isComplete, wanted.isComplete, 'complete')
  assert.deepEqual({ ...found, content: '', trailers: [] }, { ...wanted, content: '', trailers: [] })
  if (!wanted.isComplete) return
  assert.deepEqual(found, wanted)
}

const script: fc.Arbitrary<Script> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD'),
  status: fc.constantFrom(200, 200, 200, 404, 206, 204, 304),
  content: fc.string({ maxLength: 60, unit: fc.integer({ min: 0, max: 127 }).map(code => String.fromCharCode(code)) }),
  cuts: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 8 }),
  file: fc.integer({ min: -4, max: 4 }),
  isWhole: fc.boolean(),
  lengthError: fc.constantFrom(null, 0, 0, 0, -3, 4),
  trailers: fc.constantFrom([], [], [], ['X-Sum', '7']),
  paces: fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
})

const ALL = [headOnly, observer, grows, shrinks, comesLate, worksAside, replaces]
const chain = fc.array(fc.constantFrom(...ALL), { maxLength: 3 })

/** HTTP/1.1 adds and leaves out fields of its own where there is no content or a chunked one. */
function ofProtocol(outcome: Outcome, { status, trailers }: Script): Outcome {
  const { headers } = outcome
  const hasLength =
    status !== 204 && (trailers.length === 0 || withoutContent({ ...({} as Script), method: 'GET', status }))
  const names = headers.map((text, i) => [text, headers[i + 1]!]).filter((_, i) => i % 2 === 0)
  const length = names.filter(([name]) => name === 'Content-Length')
  const others = names.filter(([name]) => name !== 'Content-Length')
  return { ...outcome, headers: [...others, ...(hasLength ? length : [])].flat() }
}

describe('any cut, any pace, any mix of calls', () => {
  test('through filters: what they make of the whole content', async () => {
    await fc.assert(
      fc.asyncProperty(script, chain, async (one, filters) => {
        assertOutcome(await inMemory(one, filters), expected(one, filters))
      }),
      { numRuns: 1000 },
    )
  })

  test('over HTTP/1.1 as in memory', async () => {
    await fc.assert(
      fc.asyncProperty(script, chain, async (one, filters) => {
        // Which lengths HTTP/1.1 itself tells without content is the matter of its own tests.
        fc.pre(!(one.method === 'HEAD' && one.trailers.length > 0))
        assertOutcome(await overHttp1(one, filters), ofProtocol(expected(one, filters), one))
      }),
      { numRuns: 1000 },
    )
  })

  test('every content filter is closed once', () => assert.equal(closed, opened))
})

// ---- one by one ----

const HEAD: ResponseHead = { status: 200, reason: '', headers: [] }

function filtered(...filters: readonly ResponseFilter[]) {
  const exchange = new MemoryExchange()
  for (const filter of filters) addFilter(exchange, filter)
  return { exchange, client: exchange.client, response: exchange.response }
}

/** A filter that passes content on, for a test that takes its place in the chain. */
function handled() {
  const calls: string[] = []
  let output: ContentOutput | null = null
  const filter: ResponseFilter = head => ({
    head,
    content: out => {
      output = out
      return {
        data: chunk => {
          calls.push(`data ${chunk}`)
          out.write(chunk)
        },
        end: () => calls.push('end'),
        onDrain: () => calls.push('drain'),
        close: () => calls.push('close'),
      }
    },
  })
  return { calls, filter, out: () => output! }
}

function openFile(content: string): number {
  writeFileSync(path, content)
  return openSync(path, 'r')
}

test('what no filter needs is passed on as it is: the file, the whole response, interim heads', async () => {
  const { client, response } = filtered(headOnly.filter, headOnly.filter)
  response.inform({ status: 103, reason: '', headers: ['Link', 'x'] })
  response.start(HEAD)
  const fd = openFile('content')
  assert.equal(await new Promise(done => response.sendFile(fd, 0, 7, done)), null)
  closeSync(fd)
  response.end()
  assert.deepEqual(client.calls, ['inform', 'start', 'sendFile', 'end'])
  assert.deepEqual(client.outcome.headers, ['X-Filtered', 'yes', 'X-Filtered', 'yes'])
  const whole = filtered(headOnly.filter)
  whole.response.respond(HEAD, Buffer.from('content'))
  assert.deepEqual(whole.client.calls, ['respond'])
})

test('a source waits for a slow client and for a filter that pauses, and goes on once', () => {
  const { calls, filter, out } = handled()
  const { client, response } = filtered(filter, observer.filter)
  let drains = 0
  response.onDrain(() => drains++)
  response.start(HEAD)
  assert.equal(response.write(Buffer.from('a')), true)
  client.accepts = () => false
  assert.equal(response.write(Buffer.from('b')), false)
  client.accepts = () => true
  assert.equal(drains, 0)
  client.drain()
  client.drain()
  assert.equal(drains, 1)
  out().pause()
  assert.equal(response.write(Buffer.from('c')), false)
  client.drain()
  assert.equal(drains, 1, 'the client is ready, the filter is not')
  out().resume()
  out().resume()
  assert.equal(drains, 2)
  assert.deepEqual(calls, ['data a', 'data b', 'drain', 'drain', 'data c', 'drain'])
})

test('a client that leaves while a file waits: its caller is told once, the filter is closed, nothing more is written', async () => {
  const { calls, filter } = handled()
  const { exchange, client, response } = filtered(filter)
  response.start(HEAD)
  client.accepts = () => false
  const fd = openFile('x'.repeat(200_000))
  const sent = new Promise<Error | null>(done => response.sendFile(fd, 0, 200_000, done))
  while (client.bytesWritten === 0) await new Promise(setImmediate)
  exchange.leave()
  assert.match((await sent)!.message, /client has gone/)
  closeSync(fd)
  assert.ok(client.bytesWritten < 200_000)
  assert.equal(calls.at(-1), 'close')
  assert.equal(response.state, 'aborted')
  assert.equal(response.write(Buffer.from('late')), true)
  response.end()
  assert.equal(calls.at(-1), 'close')
})

test('a filter that pauses, and gives up in the same call, while a file is read: its caller is told once', async () => {
  const { client, response } = filtered(head => ({
    head,
    content: out => ({
      data: () => {
        out.pause()
        out.abort(new Error('cannot compress'))
      },
      end() {},
      onDrain() {},
      close() {},
    }),
  }))
  response.start(HEAD)
  const fd = openFile('x'.repeat(200_000))
  const error = await new Promise<Error | null>(done => response.sendFile(fd, 0, 200_000, done))
  closeSync(fd)
  assert.ok(error instanceof Error)
  assert.equal(client.state, 'aborted')
})

test('a file that ends early is told with what was sent of it', async () => {
  const { response } = filtered(observer.filter)
  response.start(HEAD)
  const fd = openFile('x'.repeat(1000))
  const error = await new Promise<Error | null>(done => response.sendFile(fd, 400, 1000, done))
  closeSync(fd)
  assert.ok(error instanceof FileCutError)
  assert.match(error.message, /sent up to byte 1000 of 1400: the file was truncated/)
})

test('to its source a response is over while its filter still writes', () => {
  const { calls, filter, out } = handled()
  const { client, response } = filtered(filter)
  response.start(HEAD)
  response.end(['X-Sum', '7'])
  assert.equal(response.state, 'ended')
  response.abort(new Error('too late'))
  assert.equal(client.state, 'started')
  out().write(Buffer.from('the rest'))
  out().end()
  assert.deepEqual(client.outcome, {
    status: 200,
    headers: [],
    content: 'the rest',
    trailers: ['X-Sum', '7'],
    isComplete: true,
  })
  assert.deepEqual(calls, ['end', 'close'])
})

test('both ends can cut', () => {
  for (const isFilter of [true, false]) {
    const { calls, filter, out } = handled()
    const { client, response } = filtered(filter)
    response.start(HEAD)
    if (isFilter) out().abort(new Error('cannot compress'))
    else response.abort(new Error('the worker died'))
    assert.deepEqual([client.state, response.state, calls], ['aborted', 'aborted', ['close']])
  }
})

test('a head that cannot be sent begins nothing: an error can still be answered', () => {
  const { calls, filter } = handled()
  const { client, response } = filtered(filter)
  assert.throws(() => response.start({ ...HEAD, headers: ['Content-Length', 'x'] }))
  assert.equal(response.state, 'idle')
  response.respond({ ...HEAD, status: 500 }, Buffer.from('error'))
  assert.equal(client.status, 500)
  assert.deepEqual(calls, ['data error', 'end'])
})

test('a filter must not end what its source has not ended', () => {
  const { filter, out } = handled()
  const { response } = filtered(filter)
  response.start(HEAD)
  assert.throws(() => out().end(), /before its source/)
})

test('a response without content goes through no filter of content, and keeps its changed head (RFC9110§6.4.1)', () => {
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 205],
    ['GET', 304],
  ] as const) {
    const exchange = new MemoryExchange(method)
    addFilter(exchange, head => ({
      head: withHeaders(head, ['X-Filtered', 'yes']),
      content: () => assert.fail(`${method} ${status}`),
    }))
    exchange.response.start({ ...HEAD, status })
    exchange.response.write(Buffer.from('swallowed'))
    exchange.response.end()
    assert.deepEqual([exchange.client.outcome.headers, exchange.client.state], [['X-Filtered', 'yes'], 'ended'])
  }
})

test('content of a response that must have none does not reach a filter either', async () => {
  const { exchange, client, response } = filtered(({ status, ...head }, context) => {
    assert.equal(status, 304)
    return observer.filter(withoutLength({ ...head, status: 200 }), context)
  })
  // The length that GET would have (RFC9110§8.6).
  response.start({ status: 304, reason: '', headers: ['Content-Length', '100'] })
  response.write(Buffer.from('swallowed'))
  const fd = openFile('swallowed')
  assert.equal(await new Promise(done => response.sendFile(fd, 0, 9, done)), null)
  closeSync(fd)
  response.end()
  assert.deepEqual([client.status, client.outcome.content, client.state], [200, '', 'ended'])
  assert.equal(exchange.response.status, 200)
})
