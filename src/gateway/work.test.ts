/**
 * Four times the bytes cost four times the work, whatever the bytes are. Every parser of what a client or a worker sends is tried, with
 * shapes that make other parsers slow. Work is counted in steps (`testing/work.ts`). Quadratic work would be sixteen times as much.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import type { RequestHead } from '../http/exchange.ts'
import type { TrustedProxies } from '../http/trusted-proxies.ts'
import { WorkMeter } from './testing/work.ts'

const meter = WorkMeter.start()
const { FakeExchange } = await import('../apps/testing/fake-exchange.ts')
const { Offenders } = await import('../apps/pool/offenders.ts')
const { RequestTimes } = await import('../apps/worker/request-times.ts')
const { LiveBody } = await import('../apps/pool/live-body.ts')
const { RequestBody } = await import('../apps/pool/body.ts')
const { WorkerDecoder } = await import('../apps/wire/decode.ts')
const { applicationRoot } = await import('../http/application-root.ts')
const { writeEnviron } = await import('../apps/wire/environ.ts')
const { FrameWriter } = await import('../apps/wire/frame-writer.ts')
const { decodeHead } = await import('../apps/wire/response-head.ts')
const { RawHeadReader } = await import('../apps/wire/raw-head.ts')
const { offeredSubprotocols, ScopeWriter } = await import('../apps/wire/scope.ts')
const { preferCoding } = await import('../http/accept-encoding.ts')
const { isAuthority, splitAuthority } = await import('../http/authority.ts')
const { applyForwarded } = await import('../http/forwarded.ts')
const { evaluateConditions, readConditions } = await import('../http/conditional.ts')
const { parseHttpDate } = await import('../http/date.ts')
const { negotiateErrorFormat } = await import('../http/negotiate.ts')
const { parseRange } = await import('../http/range.ts')
const { acceptRequestId } = await import('../http/request-id.ts')
const { parseTarget, withoutRawBytes } = await import('../http/target.ts')
const { listMembers } = await import('../http/headers.ts')
const { RequestParser } = await import('../http1/parser.ts')
const { asksForWebSocket, webSocketKey } = await import('../http1/upgrade.ts')
const { connect } = await import('../http1/testing/connect.ts')
const { relativePath } = await import('../handlers/static/paths.ts')
const { decodePath } = await import('../http/path.ts')
const { contentTypeOf, hasContentHash } = await import('../handlers/static/names.ts')
const { Records } = await import('../master/output/records.ts')
const { readLines } = await import('../master/output/output.ts')
const { withoutDots } = await import('../routing/router.ts')
const { compileRoutes } = await import('../routing/routes.ts')
const { compileAccessFormat } = await import('../observe/access-format.ts')
const { Log } = await import('../observe/log.ts')
const { readOffers } = await import('../websocket/handshake.ts')
const { FrameInput } = await import('../websocket/input.ts')
const { PassThrough } = await import('node:stream')

const N = 2000
/** The bound for four times the bytes. Fixed costs make the factor smaller than four. A buffer that doubles, or that only the second piece needs, makes it larger. */
const LINEAR = 7

/** Makes the code to measure, for a size. Making it does not count. */
type Shape = (n: number) => () => unknown

function assertLinear(shape: Shape): void {
  const made = (n: number) => {
    const run = shape(n)
    return () => {
      try {
        run()
      } catch {
        // A refusal: all work was done before it.
      }
    }
  }
  // The first run fills what is kept from one run to the next.
  made(16)()
  const [one, four] = meter.stepsOf([made(N), made(4 * N)]) as [number, number]
  assert.ok(four <= LINEAR * one, `${one} steps for ${N}, ${four} for ${4 * N}: ${(four / one).toFixed(1)} times`)
}

describe('the meter sees quadratic work', () => {
  const refused = (shape: Shape) => assert.throws(() => assertLinear(shape), /1\d\.\d times/)
  test('a list that is emptied from its front', () =>
    refused(n => {
      const list = Array.from({ length: n }, (_, i) => i)
      return () => {
        while (list.length > 0) list.shift()
      }
    }))
  test('bytes that are joined anew with each read', () =>
    refused(n => () => {
      let all = Buffer.alloc(0)
      for (let i = 0; i < n; i++) all = Buffer.concat([all, Buffer.from('a')])
    }))
  test('a text whose end is looked at whenever it has grown', () =>
    refused(n => () => {
      let text = ''
      for (let i = 0; i < n; i++) {
        text += 'a'
        text.endsWith('b')
      }
    }))
  test('a loop in a loop of our code', () =>
    refused(n => {
      // Each name is compared with all names.
      const names = Array.from({ length: n }, (_, i) => `x-${i}`)
      return () => names.filter(name => !names.includes(`${name}!`))
    }))
})

/** A name for each number, the same length for all of one size. */
const letters = (i: number) => i.toString(2).padStart(4, '0').replaceAll('0', 'a').replaceAll('1', 'b')

const LIMITS = { requestLine: 1e9, headerBytes: 1e9, headerCount: 1e9 }
const LINE = 'GET / HTTP/1.1\r\nHost: a\r\n'
const CHUNKED = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`

/** As the bytes may come: in one read, and one by one. */
function parsed(make: (n: number) => string): Record<string, Shape> {
  const feed = (n: number, size: number) => {
    const bytes = Buffer.from(make(n), 'latin1')
    const parser = new RequestParser(LIMITS, 'http', { onHead() {}, onBody() {}, onEnd() {} })
    return () => {
      for (let at = 0; at < bytes.length; at += size) {
        parser.receive(bytes.subarray(at, at + size))
        for (let held = true; held; ) {
          held = parser.holds
          parser.next()
        }
      }
    }
  }
  return { whole: n => feed(n, Number.MAX_SAFE_INTEGER), 'byte by byte': n => feed(n, 1) }
}

/** Shapes that a value may have, of n characters or some more. */
const VALUES: Readonly<Record<string, (n: number) => string>> = {
  letters: n => 'a'.repeat(n),
  digits: n => '1'.repeat(n),
  blanks: n => `close, a${' '.repeat(n)}a`,
  'tabs and blanks at the end': n => `a${'\t '.repeat(n / 2)}`,
  commas: n => ','.repeat(n),
  'commas and blanks': n => ', '.repeat(n / 2),
  'short members': n => 'a,'.repeat(n / 2),
  semicolons: n => ';'.repeat(n),
  parameters: n => `a${'; q=0'.repeat(n / 5)}`,
  quotes: n => '"'.repeat(n),
  'a quote that is never closed': n => `"${'a'.repeat(n)}`,
  'escapes in quotes': n => `"${'\\"'.repeat(n / 2)}`,
  'quoted members': n => '"a", '.repeat(n / 5),
  weak: n => 'W/'.repeat(n / 2),
  percents: n => '%41'.repeat(n / 3),
  'broken percents': n => '%4'.repeat(n / 2),
  'raw bytes': n => '\xed\x95\x9c'.repeat(n / 3),
  dashes: n => '-'.repeat(n),
  ranges: n => '0-1,'.repeat(n / 4),
  equals: n => 'a='.repeat(n / 2),
  colons: n => ':'.repeat(n),
  brackets: n => '['.repeat(n),
  addresses: n => '10.0.0.1, '.repeat(n / 10),
  'one address of many parts': n => '1:'.repeat(n / 2),
  elements: n => 'for=10.0.0.1;proto=https, '.repeat(n / 26),
  'pairs of one element': n => Array.from({ length: n / 8 }, (_, i) => `k${letters(i)}=a`).join(';'),
  'a quote in each member': n => 'a="b,'.repeat(n / 5),
  'quotes with commas': n => 'a=",";'.repeat(n / 6),
  slashes: n => '/'.repeat(n),
  dots: n => '/..'.repeat(n / 3),
  'a weight without end': n => `gzip;q=0.${'0'.repeat(n)}`,
}

describe('heads of requests', () => {
  const names = ['host', 'connection', 'transfer-encoding', 'content-length', 'expect']
  const shapes: Record<string, (n: number) => string> = {
    'empty lines': n => '\r\n'.repeat(n),
    'a line without an end': n => 'G'.repeat(n),
    'a line of blanks': n => `GET${' '.repeat(n)}/ HTTP/1.1\r\n\r\n`,
    'many fields': n => `${LINE}${'a:b\r\n'.repeat(n)}\r\n`,
    'many names': n => `${LINE}${Array.from({ length: n }, (_, i) => `n${i}: b\r\n`).join('')}\r\n`,
    'a name without an end': n => `${LINE}${'a'.repeat(n)}\r\n\r\n`,
    'many members of Connection': n => `${LINE}${'Connection: a, b\r\n'.repeat(n)}\r\n`,
    'many codings': n => `${LINE}${'Transfer-Encoding: a\r\n'.repeat(n)}\r\n`,
    'control characters': n => `${LINE}a: ${'\x01'.repeat(n)}\r\n\r\n`,
    'carriage returns': n => `${LINE}a: ${'\r'.repeat(n)}\r\n\r\n`,
    pipelined: n => `${LINE}\r\n`.repeat(n),
    'pipelined with content': n => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx`.repeat(n),
  }
  for (const [title, value] of Object.entries(VALUES))
    shapes[`a target and a field: ${title}`] = n => `GET /${value(n)} HTTP/1.1\r\nHost: a\r\na: ${value(n)}\r\n\r\n`
  for (const [title, make] of Object.entries(shapes))
    for (const [way, shape] of Object.entries(parsed(make))) test(`${title}, ${way}`, () => assertLinear(shape))
  for (const name of names)
    for (const [title, value] of Object.entries(VALUES))
      test(`${name}: ${title}`, () => assertLinear(parsed(n => `${LINE}${name}: ${value(n)}\r\n\r\n`)['whole']!))
})

describe('content', () => {
  const shapes: Record<string, (n: number) => string> = {
    'of a length': n => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${n}\r\n\r\n${'x'.repeat(n)}`,
    'in chunks of one byte': n => `${CHUNKED}${'1\r\nx\r\n'.repeat(n)}0\r\n\r\n`,
    'one chunk': n => `${CHUNKED}${n.toString(16)}\r\n${'x'.repeat(n)}\r\n0\r\n\r\n`,
    'many trailers': n => `${CHUNKED}0\r\n${'a: b\r\n'.repeat(n)}\r\n`,
    'zeros before a size': n => `${CHUNKED}${'0'.repeat(n)}\r\n\r\n`,
    'extensions of many chunks': n => `${CHUNKED}${'1;a="b"\r\nx\r\n'.repeat(n)}`,
  }
  for (const [title, value] of Object.entries(VALUES))
    shapes[`an extension and a trailer: ${title}`] = n => {
      // More of an extension would be refused by its length.
      const extension = value(n).slice(0, 4000)
      return `${CHUNKED}1;a=${extension}\r\nx\r\n0\r\na: ${value(n)}\r\n\r\n`
    }
  for (const [title, make] of Object.entries(shapes))
    for (const [way, shape] of Object.entries(parsed(make))) test(`${title}, ${way}`, () => assertLinear(shape))

  test('chunks too large to be handed on together that wait for a consumer who takes one at a time', () =>
    assertLinear(n => {
      const { transport, exchanges } = connect()
      const bytes = Buffer.from(`${CHUNKED}${`201\r\n${'x'.repeat(0x201)}\r\n`.repeat(n)}0\r\n\r\n`)
      return () => {
        transport.handler.onData(bytes)
        const { body } = exchanges[0]!
        let isOver = false
        body.pull({ onData: () => false, onEnd: () => (isOver = true), onError() {} })
        while (!isOver) body.resume()
      }
    }))

  test('chunks too large to be handed on together on their way to a worker of an ASGI application', () =>
    assertLinear(n => {
      const { transport, exchanges } = connect()
      const bytes = Buffer.from(`${CHUNKED}${`201\r\n${'x'.repeat(0x201)}\r\n`.repeat(n)}0\r\n\r\n`)
      return () => {
        transport.handler.onData(bytes)
        const live = new LiveBody(exchanges[0]!.body, new MemoryBudget())
        let isOver = false
        while (!isOver) live.read(0, (_, piece) => (isOver = piece.length === 0))
      }
    }))

  test('pieces of one byte that are collected for a worker', () =>
    assertLinear(n => {
      const memory = new MemoryBudget()
      const options = { space: {} as never, memory, expected: undefined, memoryBytes: 1e9, onRoom() {}, onError() {} }
      return () => {
        const body = new RequestBody(options)
        for (let i = 0; i < n; i++) body.append(Buffer.from('x'))
        body.seal(() => {})
      }
    }))
})

const VALIDATORS = {
  etag: '"x"',
  lastModified: 'Tue, 02 Jan 2024 03:04:05 GMT',
  modifiedAt: 1704164645000,
  dateRule: 'before',
} as const
const TRUSTED = { isTrusted: () => true, replace() {} }

describe('values of fields', () => {
  const head = (...headers: string[]) => ({ ...new FakeExchange().request, version: '1.1', headers }) as RequestHead
  const readers: Record<string, (value: string) => unknown> = {
    listMembers,
    'isAuthority, splitAuthority': value => [isAuthority(value), splitAuthority(value)],
    'Accept-Encoding': value => preferCoding(value, ['br', 'zstd', 'gzip']),
    Accept: negotiateErrorFormat,
    Range: value => parseRange(`bytes=${value}`, 1000),
    'If-Match': value => evaluateConditions(readConditions(['if-match', value]), VALIDATORS),
    'If-None-Match': value => evaluateConditions(readConditions(['if-none-match', value]), VALIDATORS),
    dates: parseHttpDate,
    'X-Request-ID': value => acceptRequestId(new FakeExchange({ headers: ['x-request-id', value] }), TRUSTED),
    Upgrade: value => asksForWebSocket(head('upgrade', value, 'connection', value), 0),
    'Sec-WebSocket-Key': value => webSocketKey(['sec-websocket-key', value]),
    'Sec-WebSocket-Extensions': value => readOffers(['sec-websocket-version', '13', 'sec-websocket-extensions', value]),
    'Sec-WebSocket-Protocol': value => [
      readOffers(['sec-websocket-version', '13', 'sec-websocket-protocol', value]),
      offeredSubprotocols(head('sec-websocket-protocol', value)),
    ],
  }
  for (const [name, read] of Object.entries(readers))
    for (const [title, value] of Object.entries(VALUES))
      test(`${name}: ${title}`, () =>
        assertLinear(n => {
          const text = value(n)
          return () => read(text)
        }))
  for (const name of ['if-none-match', 'accept-encoding', 'range'])
    test(`many lines of ${name}`, () =>
      assertLinear(n => {
        const headers = Array.from({ length: n }, () => [name, '"a"']).flat()
        return () => evaluateConditions(readConditions(headers), VALIDATORS)
      }))
})

describe('what a proxy says', () => {
  const families = [
    ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-ssl', 'x-forwarded-protocol'].concat(
      ...['x-forwarded-host', 'x-forwarded-port', 'x-forwarded-prefix'],
    ),
    ['forwarded'],
  ]
  for (const names of families) {
    const believed = new Set(names)
    const applied = (headersOf: (n: number) => string[]) => () =>
      assertLinear(n => {
        const exchange = new FakeExchange({ headers: headersOf(n) })
        return () => applyForwarded(exchange, TRUSTED as TrustedProxies, believed)
      })
    const all = (value: string) => names.flatMap(name => [name, value])
    for (const [title, value] of Object.entries(VALUES)) {
      test(
        `${names[0]}: ${title}`,
        applied(n => all(value(n))),
      )
      test(
        `${names[0]}, behind addresses: ${title}`,
        applied(n => [...all('10.0.0.1,'.repeat(n)), ...all(value(n))]),
      )
    }
    for (const name of names)
      test(
        `many lines of ${name}`,
        applied(n => Array.from({ length: n }, () => [name, 'for=10.0.0.1']).flat()),
      )
    test(
      `many lines of addresses in ${names[0]}`,
      applied(n => Array.from({ length: n }, () => all('1.1.1.1')).flat()),
    )
  }
})

describe('a request on its way', () => {
  const lines = ['combined', 'json', '%(r)s %(U)s %(q)s %(u)s %({cookie}i)s'].map(compileAccessFormat)
  const times = new RequestTimes({ request: 1, requestFor: [{ prefix: '/a/', timeout: 5 }] }, '')
  const route = compileRoutes(
    ['', '*.example'].flatMap(host =>
      ['/a', '/a/a', '/a/a/a/a'].map(path => ({ hosts: host === '' ? [] : [host], path, rootPath: '/r' })),
    ),
  )
  const uses: Record<string, (exchange: InstanceType<typeof FakeExchange>) => unknown> = {
    'to a WSGI application': exchange => writeEnviron(new FrameWriter(), exchange, 0, applicationRoot('/a', '')),
    'to an ASGI application': exchange => new ScopeWriter(applicationRoot('/a', '')).write(new FrameWriter(), exchange),
    'to a file': ({ request }) => {
      const path = decodePath(request.path) ?? ''
      return [relativePath({ url: '/', directories: [] }, path), contentTypeOf(path), hasContentHash(path)]
    },
    'into the access log': exchange => lines.map(line => line(exchange, 0)),
    'by its path': ({ request }) => [times.of(request.path), new Offenders().convict('GET', request.path, 0)],
    'to its application': ({ request }) => {
      const { path } = request
      const dots = ['a/../', '/..', '/%2e%2e%2f', 'a/', '.'].map(part => `/${path.replaceAll('a', part)}`)
      for (const one of [path, ...dots]) {
        const asked = { request: { ...request, path: one, authority: path.slice(1) } }
        withoutDots(asked)
        route(asked.request)
      }
    },
    'by its target': ({ request }) => parseTarget('GET', withoutRawBytes(`http://${request.path}`)),
  }
  for (const [name, use] of Object.entries(uses)) {
    for (const [title, value] of Object.entries(VALUES))
      test(`${name}: ${title}`, () =>
        assertLinear(n => {
          const text = value(n)
          const headers = ['authorization', `Basic ${text}`, 'cookie', text, 'user-agent', text, 'referer', text]
          const exchange = new FakeExchange({ path: `/${text}`, target: `/${text}?${text}`, query: text, headers })
          return () => use(exchange)
        }))
    for (const [title, header] of [
      ['many fields', (i: number) => [`x-${i}`, 'a']],
      ['a field many times', () => ['cookie', 'a']],
    ] as const)
      test(`${name}: ${title}`, () =>
        assertLinear(n => {
          const exchange = new FakeExchange({ headers: Array.from({ length: n }, (_, i) => header(i)).flat() })
          return () => use(exchange)
        }))
  }
})

describe('WebSocket', () => {
  const mask = [1, 2, 3, 4]
  const frame = (opcode: number, content: number[]) =>
    Buffer.from([opcode, 0x80 | content.length, ...mask, ...content.map((byte, i) => byte ^ mask[i % 4]!)])
  const large = (n: number) => {
    const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, ...mask])
    head.writeUInt32BE(n, 6)
    return Buffer.concat([head, Buffer.alloc(n)])
  }
  const shapes: Record<string, (n: number) => Buffer> = {
    'many messages': n => Buffer.concat(Array.from({ length: n }, () => frame(0x82, [1]))),
    'many empty messages': n => Buffer.concat(Array.from({ length: n }, () => frame(0x81, []))),
    'many pings': n => Buffer.concat(Array.from({ length: n }, () => frame(0x89, [1]))),
    'one message of many frames': n =>
      Buffer.concat([frame(0x02, [1]), ...Array.from({ length: n }, () => frame(0, [1])), frame(0x80, [])]),
    'one large frame': large,
  }
  const sink = {
    onMessage() {},
    onPing() {},
    onCloseFrame() {},
    onInvalid() {},
    onInputEnd() {},
    onRoom() {},
    onEvicted() {},
  }
  const frameInput = () => new FrameInput(sink, { maxMessage: 1e9, windowBits: null, memory: new MemoryBudget() })
  for (const [title, make] of Object.entries(shapes))
    for (const size of [1, 100, 64 * 1024])
      test(`${title}, ${size} bytes at a time`, () =>
        assertLinear(n => {
          const bytes = make(n)
          const input = frameInput()
          return () => {
            for (let at = 0; at < bytes.length; at += size) input.push(bytes.subarray(at, at + size))
          }
        }))
  test('one byte at a time, while the consumer is paused', () =>
    assertLinear(n => {
      const bytes = large(n)
      const input = frameInput()
      return () => {
        input.pause()
        for (const byte of bytes) input.push(Buffer.of(byte))
        input.resume()
      }
    }))
})

describe('what a worker sends', () => {
  const responses = (n: number) => {
    const head = Buffer.from('\0a\0b')
    const fixed = Buffer.alloc(16)
    fixed.writeUInt32LE(11 + head.length, 0)
    fixed.writeUInt8(17, 4)
    fixed.writeUInt16LE(200, 5)
    fixed.writeUInt8(1, 7)
    fixed.writeUInt32LE(head.length, 12)
    const hello = Buffer.from(JSON.stringify({ build: '1', worker: 1, slots: 1 }))
    const lead = Buffer.from([hello.length, 0, 0, 0, 1])
    return Buffer.concat([lead, hello, ...Array.from({ length: n }, () => Buffer.concat([fixed, head]))])
  }
  for (const size of [1, 64 * 1024])
    test(`frames, ${size} bytes at a time`, () =>
      assertLinear(n => {
        const bytes = responses(n)
        const nothing = () => {}
        const sink = { onHello: nothing, onResponse: nothing, onChunk: nothing, onEnd: nothing, onFile: nothing }
        const decoder = new WorkerDecoder({
          ...{ ...sink, onInform: nothing, onFailed: nothing },
          ...{ onTaken: nothing, onRaw: nothing },
        })
        return () => {
          for (let at = 0; at < bytes.length; at += size) decoder.push(bytes.subarray(at, at + size))
        }
      }))
  test('a head that an application writes by itself, byte by byte', () =>
    assertLinear(n => {
      const bytes = Array.from({ length: n }, () => Buffer.from('x'))
      return () => {
        const reader = new RawHeadReader()
        for (const byte of bytes) reader.push(byte)
      }
    }))
  test('the head of a response with many fields', () =>
    assertLinear(n => {
      const head = Buffer.from('\0a\0b'.repeat(n))
      return () => decodeHead(200, head, 0, head.length)
    }))

  const lines: Record<string, (n: number) => string> = {
    'one without an end': n => 'a'.repeat(n),
    'empty ones': n => '\n'.repeat(n),
    marks: n => '\x1f'.repeat(n),
    'begins of marks': n => '\x1f='.repeat(n / 2),
    'a mark in each': n => '\x1f=r-1\x1fa\n'.repeat(n),
    'one that is flushed with each letter': n => '\x1f~r-1\x1fa\n'.repeat(n),
    'of one call': n => '\x1f>r-1\x1fa\n'.repeat(n),
    tracebacks: n => 'Traceback (most recent call last):\n'.repeat(n),
    'the beginning of a dump': n => `Thread 0x${'0'.repeat(n)} `,
    colours: n => '\x1b[1'.repeat(n),
    escapes: n => '\x1b'.repeat(n),
  }
  for (const [title, make] of Object.entries(lines))
    for (const size of [1, 64 * 1024])
      test(`lines for the log: ${title}, ${size} bytes at a time`, () =>
        assertLinear(n => {
          const bytes = Buffer.from(make(n))
          const logs = (['text', 'json'] as const).map(format => new Log({ write() {} }, 'info', format))
          const stream = new PassThrough()
          const records = new Records(message => {
            for (const log of logs) log.info('worker', message)
          })
          readLines(stream, (line, isCut) => records.line(line, isCut))
          return () => {
            for (let at = 0; at < bytes.length; at += size) stream.emit('data', bytes.subarray(at, at + size))
            stream.emit('close')
            records.end()
          }
        }))
})
