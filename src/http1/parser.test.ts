/** Limits of the parser, each at its edge; pipelined requests; other things that golden cases cannot show. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ProtocolError, TlsOnPlainError } from '../http/errors.ts'
import type { ParsedHead } from './head.ts'
import { RequestParser } from './parser.ts'

const LIMITS = { requestLine: 30, headerBytes: 40, headerCount: 3 }
const BODY_LIMIT = 20

interface Parsed {
  readonly parser: RequestParser
  readonly heads: ParsedHead[]
  readonly trailers: string[][]
}

function parse(text: string): Parsed {
  const heads: ParsedHead[] = []
  const trailers: string[][] = []
  const parser: RequestParser = new RequestParser(LIMITS, 'http', {
    onHead(head) {
      heads.push(head)
      parser.limitContent(BODY_LIMIT)
    },
    onBody() {},
    onEnd: given => trailers.push(given),
  })
  parser.receive(Buffer.from(text, 'latin1'))
  return { parser, heads, trailers }
}

function refusal(text: string): number {
  try {
    parse(text)
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error))
    return error.status
  }
  return 0
}

const chunked = (content: string) => `POST / HTTP/1.1\r\nHost:a\r\nTransfer-Encoding:chunked\r\n\r\n${content}`

test('limit of the request line: 414, also for a line that never ends', () => {
  const line = `GET /${'a'.repeat(16)} HTTP/1.1`
  assert.equal(line.length, LIMITS.requestLine)
  assert.equal(refusal(`${line}\r\nHost:a\r\n\r\n`), 0)
  assert.equal(refusal(`${line.replace('/', '/b')}\r\nHost:a\r\n\r\n`), 414)
  assert.equal(refusal('a'.repeat(31)), 414)
})

test('limit of the header bytes: 431, also for a header that never ends', () => {
  const field = `A:${'b'.repeat(30)}`
  assert.equal(refusal(`GET / HTTP/1.1\r\nHost:a\r\n${field}\r\n\r\n`), 0)
  assert.equal(refusal(`GET / HTTP/1.1\r\nHost:a\r\n${field}b\r\n\r\n`), 431)
  assert.equal(refusal(`GET / HTTP/1.1\r\nHost:a\r\n${field}b`), 431)
})

test('limit of the header count: 431, dropped headers included', () => {
  assert.equal(refusal('GET / HTTP/1.1\r\nHost:a\r\nB:\r\nC:\r\n\r\n'), 0)
  assert.equal(refusal('GET / HTTP/1.1\r\nHost:a\r\nB:\r\nC:\r\nD_:\r\n\r\n'), 431)
})

test('limit of chunked content: 413 as soon as a chunk says that it is larger', () => {
  for (const [length, status] of [
    [BODY_LIMIT, 0],
    [BODY_LIMIT + 1, 413],
  ] as const) {
    assert.equal(refusal(chunked(`${length.toString(16)}\r\n`)), status)
    assert.equal(refusal(chunked(`a\r\n0123456789\r\n${(length - 10).toString(16)}\r\n`)), status)
  }
})

test('limits of trailers: 431 by count and by bytes', () => {
  assert.equal(refusal(chunked('0\r\nA:\r\nB:\r\nC:\r\n\r\n')), 0)
  assert.equal(refusal(chunked('0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n')), 431)
  assert.equal(refusal(chunked(`0\r\nA:${'b'.repeat(41)}`)), 431)
})

test('limit of chunk extensions: of one line, and of all of them together (RFC9112§7.1.1)', () => {
  assert.equal(refusal(chunked(`1;${'x'.repeat(4000)}\r\n`)), 0)
  assert.equal(refusal(chunked(`1;${'x'.repeat(5000)}`)), 400)
  const chunk = `1;${'x'.repeat(600)}\r\na\r\n`
  assert.equal(refusal(chunked(chunk.repeat(6))), 0)
  assert.equal(refusal(chunked(chunk.repeat(7))), 400)
})

test('a pipelined request waits for next(), what follows it too', () => {
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost:a\r\n\r\n`
  const { parser, heads } = parse(get('/1') + get('/2') + get('/3').slice(0, 9))
  assert.deepEqual([heads.length, parser.holds], [1, true])
  parser.receive(Buffer.from(get('/3').slice(9)))
  assert.equal(heads.length, 1)
  parser.next()
  parser.next()
  parser.next()
  assert.deepEqual(
    heads.map(head => head.path),
    ['/1', '/2', '/3'],
  )
  assert.deepEqual([parser.holds, parser.inRequest], [false, false])
})

test('held bytes are the parser’s own: the caller uses its buffer again', () => {
  const heads: string[] = []
  const parser = new RequestParser(LIMITS, 'http', { onHead: head => heads.push(head.path), onBody() {}, onEnd() {} })
  const shared = Buffer.from(
    'GET /1 HTTP/1.1\r\nHost:a\r\n\r\nGET /2 HTTP/1.1\r\nHost:a\r\n\r\nGET /3 HTTP/1.1\r\nHost:a\r\n\r\n',
  )
  parser.receive(shared)
  shared.fill(0)
  parser.next()
  parser.next()
  assert.deepEqual(heads, ['/1', '/2', '/3'])
})

test('after a refusal the parser looks at nothing', () => {
  const heads: ParsedHead[] = []
  const parser = new RequestParser(LIMITS, 'http', { onHead: head => heads.push(head), onBody() {}, onEnd() {} })
  assert.throws(() => parser.receive(Buffer.from('\n')), ProtocolError)
  parser.receive(Buffer.from('GET / HTTP/1.1\r\nHost:a\r\n\r\n'))
  parser.next()
  assert.deepEqual(heads, [])
})

test('headers named like properties of every object are ordinary ones, trailers too', () => {
  const { heads, trailers } = parse('GET / HTTP/1.0\r\nconstructor: x\r\n\r\n')
  assert.deepEqual(heads[0]!.headers, ['constructor', 'x'])
  assert.deepEqual(trailers, [[]])
  assert.deepEqual(parse(chunked('0\r\nconstructor: x\r\n\r\n')).trailers, [['constructor', 'x']])
})

test('between two requests the head is not kept', () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const cookie = 'c'.repeat(10_000)
  const limits = { ...LIMITS, requestLine: 1000, headerBytes: 20_000 }
  const sink = { onHead() {}, onBody() {}, onEnd() {} }
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const parsers = Array.from({ length: 1000 }, (_, i) => {
    const parser = new RequestParser(limits, 'http', sink)
    parser.receive(Buffer.from(`GET /a/long/path/${i} HTTP/1.1\r\nHost: example.org\r\nCookie: ${i}${cookie}\r\n\r\n`))
    parser.next()
    return parser
  })
  collectGarbage()
  const each = (process.memoryUsage().heapUsed - before) / parsers.length
  assert.ok(each < 5000, `${each.toFixed(0)} bytes each`)
})

test('small chunks of one read are handed on together, in order with large ones', () => {
  const pieces: string[] = []
  const sink = { onHead() {}, onBody: (piece: Buffer) => pieces.push(piece.toString('latin1')), onEnd() {} }
  const parser = new RequestParser({ ...LIMITS, requestLine: 1000, headerBytes: 1000 }, 'http', sink)
  const large = 'L'.repeat(5000)
  const content = `${'1\r\na\r\n'.repeat(1000)}1388\r\n${large}\r\n${'1\r\nb\r\n'.repeat(1000)}0\r\n\r\n`
  parser.receive(Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${content}`))
  assert.deepEqual(pieces, ['a'.repeat(1000), large, 'b'.repeat(1000)])
})

test('a ClientHello is refused with its first byte', () => {
  const sink = { onHead() {}, onBody() {}, onEnd() {} }
  for (const bytes of ['\x16', '\x16\x03\x01\x02\x00', '\x16\x03\x01\r\n\r\n']) {
    const parser = new RequestParser({ ...LIMITS, requestLine: 1000, headerBytes: 1000 }, 'http', sink)
    assert.throws(() => parser.receive(Buffer.from(bytes, 'latin1')), TlsOnPlainError)
  }
  const within = new RequestParser(LIMITS, 'https', sink)
  assert.throws(() => within.receive(Buffer.from('\x16')), /The client speaks TLS within TLS/)
})
