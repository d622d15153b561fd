/**
 * What is fuzzed: each target reads bytes that strangers send. A check throws if the target throws another error than it may, if cutting the bytes
 * changes what comes out, or if something is kept when all is over.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { MemoryBudget } from '../../src/base/memory-budget.ts'
import { isPublicName } from '../../src/handlers/static/paths.ts'
import { isAuthority } from '../../src/http/authority.ts'
import { networkOf } from '../../src/http/network.ts'
import { ProxyHeader, type ProxyVerdict } from '../../src/http/proxy-header.ts'
import { record } from '../../src/http1/testing/recorded-calls.ts'
import { ConnectionError, FRAME_HEADER, PREFACE } from '../../src/http2/frames.ts'
import { HpackDecoder } from '../../src/http2/hpack/decoder.ts'
import { HpackEncoder, roomFor } from '../../src/http2/hpack/encoder.ts'
import { decodeAll, type Field, pairs } from '../../src/http2/hpack/testing/blocks.ts'
import { answer, connect, tick } from '../../src/http2/testing/connect.ts'
import { recordFrames } from '../../src/http2/testing/recorded-frames.ts'
import { Candidates } from '../../src/patterns/candidates.ts'
import { parse } from '../../src/patterns/parser.ts'
import { type Captures, compilePattern, Pattern } from '../../src/patterns/pattern.ts'
import { programOf } from '../../src/patterns/program.ts'
import { belowBase, fileName } from '../../src/routing/sites/file-names.ts'
import { PLACE, prefix, regex, SETTINGS, site, sitesOf } from '../../src/routing/sites/testing/sites.ts'
import { NO_SITES } from '../../src/sites/testing/no-sites.ts'
import { ClientHello } from '../../src/tls/client-hello.ts'
import { cgi as cgiDialect } from '../../src/upstream/protocols/cgi.ts'
import { fastcgi as fastcgiDialect } from '../../src/upstream/protocols/fastcgi.ts'
import {
  FRONTS,
  PARAMETERS,
  recordRequests,
  requestBytes,
} from '../../src/upstream/protocols/requests/testing/recorded-requests.ts'
import { scgi } from '../../src/upstream/protocols/scgi.ts'
import { ended, record as fastcgiRecord, records } from '../../src/upstream/protocols/testing/records.ts'
import { recordResponses } from '../../src/upstream/testing/recorded-responses.ts'
import { Client } from '../../src/websocket/testing/client.ts'
import { cutSomewhere, type Grammar } from './mutate.ts'
import type { Random } from './random.ts'

export interface Target extends Grammar {
  readonly name: string
  readonly corpus: readonly Buffer[]
  /** Rejects, with what is wrong. `random`: where to cut. */
  check(bytes: Buffer, random: Random): Promise<void>
}

/** Lines of `name: hex`. */
function corpusOf(name: string): Buffer[] {
  const text = readFileSync(join(import.meta.dirname, 'corpus', `${name}.txt`), 'utf8')
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => Buffer.from(line.slice(line.indexOf(':') + 1).trim(), 'hex'))
}

/** Parts whose length is known at their beginning; what is left is one part. */
function splitBy(lengthAt: (bytes: Buffer) => number): (bytes: Buffer) => Buffer[] {
  return bytes => {
    const parts: Buffer[] = []
    for (let rest = bytes; rest.length > 0; ) {
      const length = Math.min(rest.length, lengthAt(rest))
      parts.push(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
    return parts
  }
}

function withLength(part: Buffer, header: number, at: number, size: number): Buffer {
  if (part.length < header) return part
  const mended = Buffer.from(part)
  mended.writeUIntBE(Math.min(part.length - header, 2 ** (8 * size) - 1), at, size)
  return mended
}

const frames: Target = {
  name: 'frames',
  corpus: corpusOf('frames'),
  split: splitBy(bytes => (bytes.length < FRAME_HEADER ? bytes.length : FRAME_HEADER + bytes.readUIntBE(0, 3))),
  mend: part => withLength(part, FRAME_HEADER, 0, 3),
  async check(bytes, random) {
    const all = Buffer.concat([PREFACE, bytes])
    const cut = cutSomewhere(all, random)
    assert.deepEqual(recordFrames(cut), recordFrames([all]))
    const memory = new MemoryBudget()
    const setup = connect(
      exchange => {
        if (exchange.request.path === '/wait') return
        if (exchange.request.path === '/now') answer(exchange)
        else exchange.body.pull({ onData: () => true, onEnd: () => answer(exchange), onError() {} })
      },
      { memory, begins: false },
    )
    for (const piece of cut) setup.transport.receive(piece)
    await tick()
    setup.transport.leave()
    await tick()
    assert.deepEqual([memory.used, memory.accounts, setup.connectionClosed()], [0, 0, 1])
    assert.ok(setup.closed().every(count => count === 1))
  },
}

const hpack: Target = {
  name: 'hpack',
  corpus: corpusOf('hpack'),
  // Byte by byte: a field has no length of its own.
  split: splitBy(() => 1),
  mend: part => part,
  async check(bytes) {
    const [decoder, again] = [new HpackDecoder(4096), new HpackDecoder(4096)]
    const first = decoded(decoder, bytes)
    assert.deepEqual(decoded(again, bytes), first)
    if (first === null) return
    // The table that it leaves is as good as before.
    assert.deepEqual(decoded(again, bytes), decoded(decoder, bytes))
    const valid = first.filter(({ name, isValid }) => isValid && !name.startsWith(':'))
    const lines = valid.flatMap(({ name, value }) => [name, value])
    const block = Buffer.alloc(roomFor(lines))
    const length = new HpackEncoder(4096).encode(200, lines, block, 0)
    const sent = decodeAll(new HpackDecoder(4096), block.subarray(0, length))
    assert.deepEqual(pairs(sent.slice(1)), pairs(valid))
  },
}

/** Null: it is refused. */
function decoded(decoder: HpackDecoder, bytes: Buffer): Field[] | null {
  try {
    return decodeAll(decoder, bytes)
  } catch (error) {
    if (error instanceof ConnectionError) return null
    throw error
  }
}

const http1: Target = {
  name: 'http1',
  corpus: corpusOf('http1'),
  split: splitBy(bytes => bytes.indexOf(10) + 1 || bytes.length),
  mend: part => part,
  async check(bytes, random) {
    assert.deepEqual(record(cutSomewhere(bytes, random)), record([bytes]))
  },
}

const responses: Target = {
  name: 'responses',
  corpus: corpusOf('responses'),
  split: splitBy(bytes => bytes.indexOf(10) + 1 || bytes.length),
  mend: part => part,
  async check(bytes, random) {
    for (const isHead of [false, true])
      for (const maySwitch of [false, true]) {
        const expected = [{ isHead, maySwitch }]
        const calls = recordResponses([bytes], expected)
        assert.deepEqual(recordResponses(cutSomewhere(bytes, random), expected), calls)
        // One request has one response, whatever comes.
        assert.ok(calls.filter(call => call.startsWith('head ')).length <= 1)
      }
  },
}

/** Records of FastCGI; the type is that of an output, a note, an end. */
const fastcgi: Target = {
  name: 'fastcgi',
  corpus: [
    records('Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhello', [3, 0, 5]) + ended(2),
    fastcgiRecord(7, 'PHP Warning: careful\n') + records('Location: /other\n\n') + ended(),
    records('Content-Length: 3\n\nabcdef') + ended(0, 2),
  ].map(text => Buffer.from(text, 'latin1')),
  split: splitBy(bytes => (bytes.length < 8 ? bytes.length : 8 + bytes.readUInt16BE(4) + bytes[6]!)),
  mend: part => withLength(part, 8, 4, 2),
  async check(bytes, random) {
    for (const isHead of [false, true]) {
      const expected = [{ isHead, maySwitch: false }]
      const make = fastcgiDialect(true).reader
      const calls = recordResponses([bytes], expected, true, make)
      assert.deepEqual(recordResponses(cutSomewhere(bytes, random), expected, true, make), calls)
      assert.ok(calls.filter(call => call.startsWith('head ')).length <= 1)
    }
  },
}

/** The same with the records of the spawner of CGI programs. */
const cgi: Target = {
  ...fastcgi,
  name: 'cgi',
  corpus: [
    fastcgiRecord(100, '') + records('HTTP/1.1 201 Made\r\n\r\nhello', [3]) + fastcgiRecord(102, 'a note', 2) + ended(),
    fastcgiRecord(101, '\x01\x93\0\x05not executable', 1) + ended(),
  ].map(text => Buffer.from(text, 'latin1')),
  async check(bytes, random) {
    const expected = [{ isHead: false, maySwitch: false }]
    const calls = recordResponses([bytes], expected, true, cgiDialect.reader)
    assert.deepEqual(recordResponses(cutSomewhere(bytes, random), expected, true, cgiDialect.reader), calls)
    assert.ok(calls.filter(call => call.startsWith('head ')).length <= 1)
  },
}

const scripts: Target = {
  name: 'scripts',
  corpus: ['Status: 404 Gone\nX: y\n\nhello', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 'Location: /x\n\n'].map(
    text => Buffer.from(text, 'latin1'),
  ),
  split: splitBy(bytes => bytes.indexOf(10) + 1 || bytes.length),
  mend: part => part,
  async check(bytes, random) {
    const expected = [{ isHead: false, maySwitch: false }]
    const calls = recordResponses([bytes], expected, true, scgi.reader)
    assert.deepEqual(recordResponses(cutSomewhere(bytes, random), expected, true, scgi.reader), calls)
  },
}

/** Requests of a web server in front of us, by each of its protocols. */
const fronts: readonly Target[] = FRONTS.map(front => ({
  name: `front-${front}`,
  corpus: [
    requestBytes(front, PARAMETERS),
    requestBytes(front, [...PARAMETERS, 'HTTP_COOKIE', 'a=1', 'UWSGI_FILE', '/x', 'HTTPS', 'on'], 'content'),
    requestBytes(
      front,
      [...PARAMETERS, 'SSL_CLIENT_VERIFY', 'FAILED:x', 'HTTP_PROXY', 'p'],
      'x',
      front === 'scgi' ? 1 : null,
    ),
  ],
  split:
    front === 'fastcgi'
      ? splitBy(bytes => (bytes.length < 8 ? bytes.length : 8 + bytes.readUInt16BE(4) + bytes[6]!))
      : splitBy(bytes => bytes.indexOf(0) + 1 || bytes.length),
  mend: part => (front === 'fastcgi' ? withLength(part, 8, 4, 2) : part),
  async check(bytes, random) {
    const calls = recordRequests(front, [bytes])
    assert.deepEqual(recordRequests(front, cutSomewhere(bytes, random)), calls)
    for (const call of calls) if (call.startsWith('head ')) assert.doesNotMatch(call, /"proxy"|"transfer-encoding"/)
  },
}))

const websocket: Target = {
  name: 'websocket',
  corpus: corpusOf('websocket'),
  // Its frames are short, and masked.
  split: splitBy(bytes => 6 + (bytes[1]! & 0x7f)),
  mend: part => {
    const mended = Buffer.from(part)
    if (part.length >= 6) mended[1] = 0x80 | Math.min(125, part.length - 6)
    return mended
  },
  async check(bytes, random) {
    assert.deepEqual(await messages(cutSomewhere(bytes, random)), await messages([bytes]))
  },
}

async function messages(pieces: readonly Buffer[]): Promise<unknown> {
  const memory = new MemoryBudget()
  const client = new Client({ extensions: 'permessage-deflate', memory })
  for (const piece of pieces) client.receive(piece)
  client.transport.halfClose()
  while (!client.socket.isClosed) await client.told(client.events.length + 1)
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
  return { events: client.events, sent: await client.sent() }
}

const hello: Target = {
  name: 'hello',
  corpus: corpusOf('hello'),
  split: splitBy(bytes => (bytes.length < 5 ? bytes.length : 5 + bytes.readUInt16BE(3))),
  mend: part => withLength(part, 5, 3, 2),
  async check(bytes, random) {
    assert.deepEqual(readHello(cutSomewhere(bytes, random)), readHello([bytes]))
  },
}

function readHello(pieces: readonly Buffer[]): unknown {
  const hello = new ClientHello()
  const verdicts = pieces.filter(({ length }) => length > 0).map(piece => hello.push(piece))
  const { serverName, ticketKeyName, signatureAlgorithms, takesEcdsa, reason } = hello
  assert.deepEqual(hello.bytes, Buffer.concat(pieces), 'all bytes come back')
  return { verdict: verdicts.at(-1), serverName, ticketKeyName, signatureAlgorithms, takesEcdsa, reason }
}

const proxied: Target = {
  name: 'proxied',
  corpus: corpusOf('proxied'),
  split: splitBy(bytes => (bytes[0] === 13 ? 16 : bytes.indexOf(32) + 1) || bytes.length),
  mend: part => part,
  async check(bytes, random) {
    const verdict = readProxyHeader([bytes])
    assert.deepEqual(readProxyHeader(cutSomewhere(bytes, random)), verdict)
    if (verdict.kind === 'more') assert.ok(bytes.length < 2280, 'it keeps what it cannot need')
    if (verdict.kind !== 'done' || verdict.client === null) return
    assert.ok(isIP(verdict.client.address) > 0 && verdict.client.port <= 65_535)
    assert.equal(networkOf(verdict.client.address).includes('%'), false)
  },
}

/** `rest`: of all bytes. */
function readProxyHeader(pieces: readonly Buffer[]): ProxyVerdict {
  const header = new ProxyHeader()
  let left = pieces.reduce((sum, { length }) => sum + length, 0)
  for (const piece of pieces) {
    left -= piece.length
    const verdict: ProxyVerdict = piece.length === 0 ? { kind: 'more' } : header.push(piece)
    if (verdict.kind === 'done') return { ...verdict, rest: verdict.rest + left }
    if (verdict.kind === 'refused') return verdict
  }
  return { kind: 'more' }
}

const patterns: Target = {
  name: 'patterns',
  corpus: corpusOf('patterns'),
  split: splitBy(() => 1),
  mend: part => part,
  async check(bytes) {
    const end = (bytes.indexOf(0) + 1 || bytes.length + 1) - 1
    const source = bytes.toString('utf8', 0, end)
    const pattern = compilePattern(source, { caseInsensitive: bytes.length % 2 === 0 })
    if (!(pattern instanceof Pattern)) {
      assert.ok(pattern.offset >= 0 && pattern.offset <= source.length, pattern.message)
      return
    }
    const subject = bytes.toString('latin1', end + 1)
    const candidates = new Candidates([pattern.edges])
    for (const text of [subject, subject.repeat(200).slice(0, 2000)]) {
      const slots: Int32Array | null = pattern.machine().match(text)
      const found: Captures | null =
        slots && Array.from({ length: slots.length / 2 }, (_, group) => textOf(text, slots, group))
      const same = pattern.exec(text)
      assert.deepEqual(same && [...same], found)
      assert.ok(found === null || candidates.of(text) === 1, 'the ends of the subject exclude it')
      const program = programOf(parse(source, false).root, 10_000)!
      // What captures in a part of its own is matched again, over 255 bytes at most.
      const again = program.parts.some(part => part.captures) ? 256 : 1
      // A short run is 16 bytes at most.
      const most = 16 * program.op.length * (2 * program.rows + 1) * (text.length + 1) * again
      assert.ok(pattern.machine().steps <= most, `${pattern.machine().steps} steps of ${most}`)
    }
  },
}

function textOf(subject: string, slots: Int32Array, group: number): string | undefined {
  return slots[2 * group + 1] === -1 ? undefined : subject.slice(slots[2 * group], slots[2 * group + 1])
}

/** A site with all that a request's words can reach. */
const SITE = sitesOf(
  {
    ...NO_SITES,
    sites: [
      site({
        names: [{ kind: 'regex', pattern: { source: '^(?<name>[a-z]+)\\.test$', ignoresCase: true } }],
        rewrites: [
          {
            kind: 'rewrite',
            pattern: { source: '^/r/(.*)/(.*)$', ignoresCase: false },
            to: '/$2?a=$1&$arg_b',
            flag: 'last',
            place: PLACE,
          },
          {
            kind: 'if',
            condition: {
              kind: 'matches',
              value: '$args',
              pattern: { source: '(.+)=(.+)', ignoresCase: true },
              not: false,
            },
            steps: [{ kind: 'set', name: 'two', value: '$1$2$uri', place: PLACE }],
            place: PLACE,
          },
        ],
        locations: [
          prefix('/', {
            settings: { ...SETTINGS, root: '/srv/$host/$two' },
            handler: { kind: 'files', alias: null },
            tryFiles: [
              { kind: 'file', path: '$uri' },
              { kind: 'uri', uri: '$arg_next' },
            ],
          }),
          regex('^/(.*)\\.php(/.*)?$', { handler: { kind: 'app', name: 'php' } }),
          prefix('/go/', {
            rewrites: [{ kind: 'return', status: 301, text: '$mapped$net$part$uri?$args', place: PLACE }],
          }),
          prefix('/m/', { handler: { kind: 'files', alias: { path: '/srv/media/', prefix: '/m/' } } }),
        ],
      }),
    ],
    maps: [
      {
        name: 'mapped',
        from: '$arg_k$cookie_k$http_x_y',
        default: '$name',
        exact: { a: '$uri' },
        suffixes: {},
        prefixes: {},
        patterns: [{ pattern: { source: '^(.*)b(.*)$', ignoresCase: true }, value: '$1' }],
        place: PLACE,
      },
    ],
    geos: [
      {
        name: 'net',
        from: '$arg_k$http_x_y',
        default: '/far',
        networks: { '10.0.0.0/8': '/near', '10.1.0.0/16': '/', '2001:db8::/32': '//six', '0.0.0.0/0': '/all' },
        place: PLACE,
      },
    ],
    splits: [{ name: 'part', from: '$args', parts: [{ share: 5000, value: '//half' }], place: PLACE }],
  },
  ['/x'],
)

/** A host, a line break, a target: no throw, an end, and nothing in a redirect or a file's name that can lead away. */
const sites: Target = {
  name: 'sites',
  corpus: corpusOf('sites'),
  split: splitBy(() => 1),
  mend: part => part,
  async check(bytes) {
    const [host = '', target = ''] = bytes.toString('latin1').split(/\n(.*)/s)
    const { words, request } = SITE(`/${target.replace(/[\x00-\x20#]/g, '')}`, isAuthority(host) ? host : '')
    assert.notEqual(words, 'nothing')
    if (words.startsWith('301 ')) assert.doesNotMatch(words.slice(4), /[\x00-\x20]|^\/\//)
    if (request === null) return
    const name = belowBase(request.location, fileName(request, request.uri))
    if (name !== null && isPublicName(name)) assert.doesNotMatch(name, /(?:^|\/)\.\.(?:\/|$)|\0/)
  },
}

export const TARGETS: readonly Target[] = [
  frames,
  hpack,
  http1,
  responses,
  fastcgi,
  cgi,
  scripts,
  ...fronts,
  websocket,
  hello,
  proxied,
  patterns,
  sites,
]
