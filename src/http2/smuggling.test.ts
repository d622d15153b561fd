/** Requests that a proxy in front, an application or its log could read in another way than we do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answer, connect, hello, PLAIN, pull } from './testing/connect.ts'
import * as client from './testing/frames.ts'

const BASE = client.requestFields('GET', '/')
const without = (name: string) => BASE.filter(([key]) => key !== name)
const instead = (name: string, value: string): client.Fields => [...without(name), [name, value]]

const RESET = 'RST_STREAM 1 PROTOCOL_ERROR'

/** What becomes of a request: its status, or the reset. The application must not see it, unless it is answered 200. */
async function outcome(fields: client.Fields): Promise<string> {
  const { client: sender, exchanges } = connect(answer)
  sender.send(client.headers(1, fields))
  const [line = ''] = await sender.said()
  const status = /:status=(\d+)/.exec(line)?.[1] ?? line
  assert.equal(exchanges.length, status === '200' ? 1 : 0, JSON.stringify(fields))
  return status
}

const CASES: readonly (readonly [string, string, client.Fields])[] = [
  ...['a\rb', 'a\nb', 'a\0b', ' a', 'a ', '\ta', 'a\t'].map(
    value => [`a value ${JSON.stringify(value)}`, RESET, [...BASE, ['x', value]]] as const,
  ),
  ...['X', 'x y', 'x:', '', 'x\r\nhost', 'x\0', '\xfc'].map(
    name => [`a name ${JSON.stringify(name)}`, RESET, [...BASE, [name, 'a']]] as const,
  ),
  ...(
    [
      ['transfer-encoding', 'chunked'],
      ['connection', 'close'],
      ['connection', 'x'],
      ['keep-alive', '1'],
      ['proxy-connection', 'x'],
      ['upgrade', 'h2c'],
      ['te', 'gzip'],
      ['te', 'trailers, deflate'],
      ['content-length', '1'],
      ['host', 'other'],
      ['host', 't:1'],
      [':path', '/other'],
      [':status', '200'],
      [':x', 'a'],
    ] as const
  ).map(field => [field.join(' '), RESET, [...BASE, field]] as const),
  ...(
    [
      ['content-length', '-0', '400'],
      ['content-length', '0x0', '400'],
      ['content-length', '', '400'],
      ['content-length', '0, 0', '400'],
      ['content-length', '9'.repeat(30), '413'],
      ['expect', 'x', '417'],
      ['te', 'trailers', '200'],
      ['te', 'Trailers', '200'],
      ['host', 'T', '200'],
      ['x', '\x80\xff', '200'],
      ['transfer_encoding', 'chunked', '200'],
    ] as const
  ).map(([name, value, status]) => [`${name} ${value}`, status, [...BASE, [name, value]]] as const),
  ...['/a b', '/\x7f', '/\t'].map(
    path => [`path ${JSON.stringify(path)}`, path === '/a b' ? '400' : RESET, instead(':path', path)] as const,
  ),
  ...['http://x/', '*', '', 'x', 'u@x'].map(path => [`path ${path}`, RESET, instead(':path', path)] as const),
  ...['u@t', 'a b', 'a/b', '', 't:99999999', '[::1', 'a,b', 't?', 't#'].map(
    authority => [`authority ${authority}`, '400', instead(':authority', authority)] as const,
  ),
  ['authority with a line end', RESET, instead(':authority', 'a\r\nb')],
  ['neither authority nor Host', '400', without(':authority')],
  ['Host twice', '400', [...without(':authority'), ['host', 't'], ['host', 't']]],
  ['Host twice beside the authority', '400', [...BASE, ['host', 't'], ['host', 't']]],
  ['method twice', RESET, [[':method', 'GET'], ...BASE]],
  ['authority twice', RESET, [[':authority', 't'], ...BASE]],
  ['no method', RESET, without(':method')],
  ['no scheme', RESET, without(':scheme')],
  ['another scheme', RESET, instead(':scheme', 'ftp')],
  ['a pseudo-header behind a header', RESET, [...without(':path'), ['x', 'y'], [':path', '/']]],
  ['a method with a request line', '400', instead(':method', 'GET / HTTP/1.1')],
  ['content-length twice', '400', [...BASE, ['content-length', '0'], ['content-length', '0']]],
  [
    'CONNECT',
    '501',
    [
      [':method', 'CONNECT'],
      [':authority', 't:443'],
    ],
  ],
  [':protocol with GET', RESET, [[':protocol', 'websocket'], ...BASE]],
  ['CONNECT of a protocol that nobody knows', '501', [...instead(':method', 'CONNECT'), [':protocol', 'connect-udp']]],
  ['CONNECT of an empty protocol', RESET, [...instead(':method', 'CONNECT'), [':protocol', '']]],
]

for (const [what, expected, fields] of CASES)
  test(`${expected} for ${what}`, async () => assert.equal(await outcome(fields), expected))

test('names with an underscore reach nobody', async () => {
  const { client: sender, exchanges } = connect(answer)
  sender.send(
    client.get(1, '/', [
      ['x_forwarded_for', '1'],
      ['content_length', '7'],
      ['_', 'a'],
      ['x', 'b'],
    ]),
  )
  assert.deepEqual(await sender.said(), hello(1))
  assert.deepEqual(exchanges[0]!.request.headers, ['host', 't', 'x', 'b'])
})

test('trailers bring no field that would change how the request was understood', async () => {
  const { client: sender, exchanges } = connect(({ response }) => response.start(PLAIN))
  sender.send(client.post(1))
  const seen = pull(exchanges[0]!)
  const names = [
    'content-length',
    'host',
    'cookie',
    'authorization',
    'content-type',
    'expect',
    'trailer',
    'x_y',
    'x-sum',
  ]
  sender.send(
    client.trailers(
      1,
      names.map(name => [name, '5']),
    ),
  )
  assert.deepEqual(seen, ['end x-sum 5'])
})

test('a cookie in many pieces counts as one field, as over HTTP/1.1, and its bytes count', async () => {
  const crumbs = (many: number) => Array.from({ length: many }, (_, i) => ['cookie', `a${i}=b`] as const)
  const { client: sender, exchanges } = connect(answer)
  sender.send(client.headers(1, [...BASE, ...crumbs(180)]), client.headers(3, [...BASE, ...crumbs(1000)]))
  await sender.frames()
  assert.deepEqual(
    exchanges.map(({ request }) => request.headers.at(-1)!.split('; ').length),
    [180, 1000],
  )
  sender.send(client.headers(5, [...BASE, ...crumbs(7000)], { pieces: 10 }))
  assert.match((await sender.said())[0]!, /^HEADERS 5 :status=431/)
})

test('what comes behind the last GOAWAY is not looked at, and what runs goes on', async () => {
  const { client: sender, exchanges, startDrain } = connect()
  sender.send(client.get(1))
  startDrain()
  await sender.said()
  sender.send(client.ping('draining', true))
  assert.deepEqual(await sender.said(), ['GOAWAY 1 NO_ERROR'])
  const late = [
    client.post(3),
    client.data(3, 'abc'),
    client.windowUpdate(3, 10),
    client.trailers(3, [['a', 'b']]),
    client.reset(3),
  ]
  sender.send(...late)
  answer(exchanges[0]!)
  assert.deepEqual((await sender.said()).slice(0, 2), hello(1))
  assert.equal(exchanges.length, 1)
})

test('content on its way to streams that were reset is thrown away, however many may be open', async () => {
  const {
    client: sender,
    exchanges,
    refused,
  } = connect(
    exchange => {
      if (exchange.request.method === 'POST') answer(exchange)
    },
    { http2: { streams: 500 } },
  )
  const ids = Array.from({ length: 400 }, (_, i) => 2 * i + 1)
  sender.send(client.windowUpdate(0, 1_000_000), ...ids.map(id => client.post(id)))
  await sender.frames()
  sender.send(...ids.map(id => client.data(id, 'x', true)), client.get(801))
  assert.deepEqual([refused, exchanges.length], [[], 401])
})
