import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { applyForwarded } from './forwarded.ts'
import { trustedProxies } from './trusted-proxies.ts'

const TRUSTED = trustedProxies(['127.0.0.0/8', '10.0.0.0/8', '::1', 'unix'])
const DEFAULT = ['x-forwarded-for', 'x-forwarded-proto']
const FORWARDED = ['forwarded']

interface Seen {
  address: string
  port: number
  scheme: string
  authority: string
  host: string | undefined
  rootPath: string | undefined
}

/** What the application sees of `http://inner.example/` with these headers. */
function seen(headers: string[], believed: readonly string[] = DEFAULT, socketAddress = '127.0.0.1'): Seen {
  const all = ['host', 'inner.example', ...headers]
  const exchange = {
    request: { scheme: 'http', authority: 'inner.example', headers: all },
    peer: { address: socketAddress, port: 4711, socketAddress },
  } as unknown as Exchange
  const error = applyForwarded(exchange, TRUSTED, new Set(believed))
  if (error !== null) throw error
  const { request, peer } = exchange
  assert.equal(peer.socketAddress, socketAddress)
  // No header is taken away: the application may read others by itself.
  assert.deepEqual(request.headers.slice(2), headers)
  return {
    address: peer.address,
    port: peer.port,
    scheme: request.scheme,
    authority: request.authority,
    host: request.headers[request.headers.indexOf('host') + 1],
    rootPath: request.rootPath,
  }
}

const unchanged: Seen = {
  address: '127.0.0.1',
  port: 4711,
  scheme: 'http',
  authority: 'inner.example',
  host: 'inner.example',
  rootPath: undefined,
}
const named = (host: string) => ({ ...unchanged, authority: host, host })

test('without such headers nothing changes', () => assert.deepEqual(seen([]), unchanged))

test('by default X-Forwarded-For and -Proto of a trusted proxy are believed, and no other header', () => {
  const headers = [
    ...['x-forwarded-for', '203.0.113.7', 'x-forwarded-proto', 'https', 'x-forwarded-host', 'evil.example'],
    ...['x-forwarded-port', '666', 'x-forwarded-prefix', '/evil', 'x-forwarded-ssl', 'off'],
    ...['x-forwarded-protocol', 'http', 'forwarded', 'for=6.6.6.6;host=evil.example;proto=http'],
  ]
  assert.deepEqual(seen(headers), { ...unchanged, address: '203.0.113.7', port: 0, scheme: 'https' })
  assert.deepEqual(seen(headers.slice(4)), unchanged)
  assert.deepEqual(seen(headers, []), unchanged)
})

test('from any other client they change nothing', () => {
  const headers = ['x-forwarded-for', '1.1.1.1', 'x-forwarded-proto', 'https', 'forwarded', 'for=1.1.1.1']
  for (const address of ['203.0.113.9', '2001:db8::9'])
    for (const believed of [DEFAULT, FORWARDED])
      assert.deepEqual(seen(headers, believed, address), { ...unchanged, address })
})

test('a Unix socket is a trusted proxy too', () =>
  assert.equal(seen(['x-forwarded-for', '203.0.113.7'], DEFAULT, '').address, '203.0.113.7'))

test('the client is the right-most address that is not trusted: it may have made up those left of it', () => {
  const address = (...lines: string[]) => seen(lines.flatMap(line => ['x-forwarded-for', line])).address
  assert.equal(address('6.6.6.6, 203.0.113.7, 10.1.2.3'), '203.0.113.7')
  assert.equal(address('6.6.6.6', '203.0.113.7,10.0.0.1'), '203.0.113.7')
  assert.equal(address('6.6.6.6, 203.0.113.7', '10.0.0.1'), '203.0.113.7')
  assert.equal(address('10.9.9.9, 10.0.0.1'), '10.9.9.9')
})

test('a malformed address ends the chain', () => {
  const address = (line: string) => seen(['x-forwarded-for', line]).address
  assert.equal(address('unknown'), '127.0.0.1')
  assert.equal(address('1.2.3.4, _hidden, 10.0.0.1'), '10.0.0.1')
  assert.equal(address('1.2.3.4,'), '127.0.0.1')
  assert.equal(address('1.2.3.4:70000'), '127.0.0.1')
  assert.equal(address('fe80::1%eth0'), '127.0.0.1')
})

test('a port beside the address is the client’s', () => {
  const six = seen(['x-forwarded-for', '[2001:db8::7]:5001'])
  assert.deepEqual([six.address, six.port], ['2001:db8::7', 5001])
})

test('the schemes of WebSockets are those of their handshake', () => {
  for (const [text, scheme] of [
    ['wss', 'https'],
    ['WSS', 'https'],
    ['ws', 'http'],
    ['HTTPS', 'https'],
    ['http', 'http'],
    ['gopher', 'http'],
    ['', 'http'],
  ] as const)
    assert.equal(seen(['x-forwarded-proto', text]).scheme, scheme, text)
})

test('a list of schemes is parallel to the addresses: the client’s own member counts', () => {
  const scheme = (addresses: string | null, ...schemes: string[]) =>
    seen([
      ...(addresses === null ? [] : ['x-forwarded-for', addresses]),
      ...schemes.flatMap(line => ['x-forwarded-proto', line]),
    ]).scheme
  // The client asked with https, and the first proxy asked the second one with http.
  assert.equal(scheme('203.0.113.7, 10.0.0.1', 'https,http'), 'https')
  assert.equal(scheme('203.0.113.7, 10.0.0.1', 'http,https'), 'http')
  assert.equal(scheme('203.0.113.7, 10.0.0.2, 10.0.0.1', 'https,http'), 'https')
  // The client has made up the beginning of the list.
  assert.equal(scheme('203.0.113.7', 'https,http'), 'http')
  assert.equal(scheme('6.6.6.6, 203.0.113.7, 10.0.0.1', 'https, http, http'), 'http')
  assert.equal(scheme('6.6.6.6, 203.0.113.7, 10.0.0.1', 'http, https, http'), 'https')
  // A trusted proxy hides the client, but it tells the scheme.
  assert.equal(scheme('unknown, 10.0.0.1', 'https, http'), 'https')
  // One scheme, and no addresses to compare with.
  assert.equal(scheme('203.0.113.7, 10.0.0.1', 'https'), 'https')
  assert.equal(scheme(null, 'https,http'), 'https')
  // The proxy has added a line to its client's.
  assert.equal(scheme(null, 'https', 'http'), 'http')
})

test('X-Forwarded-Host, if it is named: the client’s member of a list; a member that is no host is ignored', () => {
  const believed = ['x-forwarded-for', 'x-forwarded-host']
  assert.deepEqual(seen(['x-forwarded-host', 'shop.example'], believed), named('shop.example'))
  assert.equal(seen(['x-forwarded-host', 'a/b'], believed).authority, 'inner.example')
  const chain = ['x-forwarded-for', '203.0.113.7, 10.0.0.1']
  assert.equal(seen([...chain, 'x-forwarded-host', 'shop.example, edge.example'], believed).authority, 'shop.example')
  const lines = ['x-forwarded-host', 'evil.example', 'x-forwarded-host', 'good.example']
  assert.equal(seen(lines, believed).authority, 'good.example')
})

test('X-Forwarded-Port joins a host without one; the port of the scheme is left out', () => {
  const believed = [...DEFAULT, 'x-forwarded-host', 'x-forwarded-port']
  const authority = (...headers: string[]) => seen(headers, believed).authority
  assert.equal(authority('x-forwarded-host', 'a.example', 'x-forwarded-port', '8443'), 'a.example:8443')
  assert.equal(authority('x-forwarded-port', '8443'), 'inner.example:8443')
  assert.equal(authority('x-forwarded-port', '80'), 'inner.example')
  assert.equal(authority('x-forwarded-port', '80', 'x-forwarded-proto', 'https'), 'inner.example:80')
  for (const port of ['0', '70000', '08', '-1', 'x', ''])
    assert.equal(authority('x-forwarded-port', port), 'inner.example', port)
  assert.equal(authority('x-forwarded-port', '443', 'x-forwarded-proto', 'wss'), 'inner.example')
  assert.equal(authority('x-forwarded-host', 'a.example:81', 'x-forwarded-port', '8443'), 'a.example:81')
})

test('X-Forwarded-Prefix is the root path of this request', () => {
  const rootPath = (text: string) => seen(['x-forwarded-prefix', text], ['x-forwarded-prefix']).rootPath
  assert.equal(rootPath('/shop/'), '/shop')
  for (const text of ['/', '', '//evil.example', '/../x']) assert.equal(rootPath(text), undefined, text)
})

test('X-Forwarded-Ssl and X-Forwarded-Protocol are other names for the scheme', () => {
  const believed = ['x-forwarded-ssl', 'x-forwarded-protocol']
  for (const [name, value, scheme] of [
    ['x-forwarded-ssl', 'on', 'https'],
    ['x-forwarded-ssl', 'off', 'http'],
    ['x-forwarded-ssl', 'https', 'http'],
    ['x-forwarded-protocol', 'ssl', 'https'],
    ['x-forwarded-protocol', 'https', 'https'],
    ['x-forwarded-protocol', 'http', 'http'],
  ])
    assert.equal(seen([name!, value!], believed).scheme, scheme, `${name}: ${value}`)
})

test('schemes that contradict each other are refused, if both headers are named', () => {
  const all = ['x-forwarded-proto', 'x-forwarded-ssl', 'x-forwarded-protocol']
  for (const headers of [
    ['x-forwarded-proto', 'https', 'x-forwarded-ssl', 'off'],
    ['x-forwarded-ssl', 'on', 'x-forwarded-protocol', 'http'],
    ['x-forwarded-protocol', 'ssl', 'x-forwarded-proto', 'ws'],
  ]) {
    const isRefused = (error: Error) => error instanceof HttpError && error.status === 400 && error.culprit === 'client'
    assert.throws(() => seen(headers, all), isRefused)
    assert.doesNotThrow(() => seen(headers, all, '203.0.113.9'))
    assert.doesNotThrow(() => seen(headers, DEFAULT))
  }
  const agreeing = ['x-forwarded-proto', 'wss', 'x-forwarded-ssl', 'on', 'x-forwarded-protocol', 'ssl']
  assert.equal(seen(agreeing, all).scheme, 'https')
  assert.equal(seen(['x-forwarded-proto', 'https', 'x-forwarded-ssl', 'maybe'], all).scheme, 'https')
})

test('Forwarded (RFC7239§4): the client’s element says how it asked', () => {
  const headers = [
    'forwarded',
    'for="[2001:db8::7]:4711";proto=https;host="shop.example:8443", For=10.0.0.1;proto=http;host=edge.example',
  ]
  const client = { address: '2001:db8::7', port: 4711, scheme: 'https', rootPath: undefined }
  assert.deepEqual(seen(headers, FORWARDED), { ...client, authority: 'shop.example:8443', host: 'shop.example:8443' })
  // The first proxy does not tell it, so the second one's word counts.
  const partly = ['forwarded', 'for=203.0.113.7', 'forwarded', 'for=10.0.0.1;proto=https;host=edge.example']
  assert.deepEqual(seen(partly, FORWARDED), {
    ...named('edge.example'),
    address: '203.0.113.7',
    port: 0,
    scheme: 'https',
  })
})

test('Forwarded: the client’s own elements stand left of the proxy’s, and do not count', () => {
  const truth = { ...named('shop.example'), address: '203.0.113.7', port: 0 }
  for (const spoofed of [
    'for=127.0.0.1;proto=https;host=evil.example',
    'a="',
    'for="',
    'for=unknown;proto=https',
    '"\\',
  ])
    for (const headers of [
      ['forwarded', `${spoofed}, for=203.0.113.7;proto=http;host=shop.example`],
      ['forwarded', spoofed, 'forwarded', 'for=203.0.113.7;host=shop.example;proto=http'],
    ])
      assert.deepEqual(seen(headers, FORWARDED), truth, spoofed)
})

test('Forwarded switches X-Forwarded-* off', () => {
  const headers = [
    ...['x-forwarded-for', '6.6.6.6', 'x-forwarded-proto', 'https', 'x-forwarded-host', 'evil.example'],
    ...['forwarded', 'for=203.0.113.7'],
  ]
  assert.deepEqual(seen(headers, FORWARDED), { ...unchanged, address: '203.0.113.7', port: 0 })
})

test('a Forwarded is ignored that is malformed, empty or has only unknown parameters', () => {
  for (const value of ['for=;;proto', '', ',', ' ', ';', '"', 'for="unclosed', 'by=10.0.0.1', 'for=unknown'])
    assert.deepEqual(seen(['forwarded', value], FORWARDED), unchanged, value)
})

test('a list of hosts without addresses: the nearest proxy’s member counts, not one that its client may have sent', () => {
  const believed = ['x-forwarded-host', 'x-forwarded-port']
  assert.equal(seen(['x-forwarded-host', 'evil.example, good.example'], believed).authority, 'good.example')
  const ports = ['x-forwarded-host', 'good.example', 'x-forwarded-port', '1, 8443']
  assert.equal(seen(ports, believed).authority, 'good.example:8443')
})
