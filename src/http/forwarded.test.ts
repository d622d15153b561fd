import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from './exchange.ts'
import { applyForwarded, trustedProxies } from './forwarded.ts'

const TRUSTED = trustedProxies(['127.0.0.0/8', '10.0.0.0/8', '::1', 'unix'])

function apply(
  headers: string[],
  socketAddress = '127.0.0.1',
): { address: string; port: number; scheme: string; authority: string; host: string | undefined } {
  const all = ['host', 'inner.example', ...headers]
  const exchange = {
    request: { scheme: 'http', authority: 'inner.example', headers: all },
    peer: { address: socketAddress, port: 4711, socketAddress },
  } as unknown as Exchange
  applyForwarded(exchange, TRUSTED)
  const { request, peer } = exchange
  assert.equal(peer.socketAddress, socketAddress)
  return {
    address: peer.address,
    port: peer.port,
    scheme: request.scheme,
    authority: request.authority,
    host: request.headers[request.headers.indexOf('host') + 1],
  }
}

const unchanged = {
  address: '127.0.0.1',
  port: 4711,
  scheme: 'http',
  authority: 'inner.example',
  host: 'inner.example',
}

test('without such headers nothing changes', () => assert.deepEqual(apply([]), unchanged))

test('X-Forwarded-For, -Proto and -Host of a trusted proxy', () => {
  const said = apply([
    'x-forwarded-for',
    '203.0.113.7',
    'x-forwarded-proto',
    'https',
    'x-forwarded-host',
    'shop.example',
  ])
  assert.deepEqual(said, {
    address: '203.0.113.7',
    port: 0,
    scheme: 'https',
    authority: 'shop.example',
    host: 'shop.example',
  })
})

test('from anyone else they are mere text', () => {
  for (const address of ['203.0.113.9', '2001:db8::9'])
    assert.deepEqual(
      apply(['x-forwarded-for', '1.1.1.1', 'x-forwarded-proto', 'https', 'forwarded', 'for=1.1.1.1'], address),
      { ...unchanged, address },
    )
})

test('a Unix socket is trusted by its name in the list only', () => {
  assert.equal(apply(['x-forwarded-for', '203.0.113.7'], '').address, '203.0.113.7')
  assert.equal(trustedProxies(['127.0.0.1']).isTrusted(''), false)
})

test('of a chain the right-most address that is not trusted is the client: what stands left of it may be made up', () => {
  assert.equal(apply(['x-forwarded-for', '6.6.6.6, 203.0.113.7, 10.1.2.3']).address, '203.0.113.7')
  assert.equal(apply(['x-forwarded-for', '6.6.6.6', 'x-forwarded-for', '203.0.113.7,10.0.0.1']).address, '203.0.113.7')
  assert.equal(apply(['x-forwarded-for', '10.9.9.9, 10.0.0.1']).address, '10.9.9.9')
})

test('what is malformed ends the chain there', () => {
  assert.equal(apply(['x-forwarded-for', 'unknown']).address, '127.0.0.1')
  assert.equal(apply(['x-forwarded-for', '1.2.3.4, _hidden, 10.0.0.1']).address, '10.0.0.1')
  assert.equal(apply(['x-forwarded-for', '<script>']).address, '127.0.0.1')
  assert.equal(apply(['x-forwarded-for', '1.2.3.4:70000']).address, '127.0.0.1')
})

test('ports and brackets', () => {
  assert.deepEqual(apply(['x-forwarded-for', '203.0.113.7:5000']).port, 5000)
  const six = apply(['x-forwarded-for', '[2001:db8::7]:5001'])
  assert.deepEqual([six.address, six.port], ['2001:db8::7', 5001])
  assert.equal(apply(['x-forwarded-for', '2001:db8::7']).address, '2001:db8::7')
})

test('X-Forwarded-Port joins a host without one; the port of the scheme is left out', () => {
  assert.equal(apply(['x-forwarded-host', 'a.example', 'x-forwarded-port', '8443']).authority, 'a.example:8443')
  assert.equal(apply(['x-forwarded-port', '8443']).authority, 'inner.example:8443')
  assert.equal(apply(['x-forwarded-port', '80']).authority, 'inner.example')
  assert.equal(apply(['x-forwarded-port', '80', 'x-forwarded-proto', 'https']).authority, 'inner.example:80')
  for (const port of ['0', '70000', '08', '-1', 'x', '']) {
    assert.equal(apply(['x-forwarded-port', port]).authority, 'inner.example', port)
  }
  assert.equal(
    apply(['x-forwarded-host', 'a.example', 'x-forwarded-port', '443', 'x-forwarded-proto', 'https']).authority,
    'a.example',
  )
  assert.equal(apply(['x-forwarded-host', 'a.example:81', 'x-forwarded-port', '8443']).authority, 'a.example:81')
})

test('a host that is none, a scheme that is none: ignored', () => {
  assert.equal(apply(['x-forwarded-host', 'a/b']).authority, 'inner.example')
  assert.equal(apply(['x-forwarded-proto', 'gopher']).scheme, 'http')
})

test('of a repeated header the last one counts: the proxy adds its own below what the client sent', () => {
  const said = apply([
    ...['x-forwarded-host', 'evil.example', 'x-forwarded-host', 'good.example'],
    ...['x-forwarded-proto', 'http', 'x-forwarded-proto', 'http, https'],
  ])
  assert.equal(said.authority, 'good.example')
  assert.equal(said.scheme, 'https')
})

test('Forwarded (RFC7239§4)', () => {
  const said = apply([
    'forwarded',
    'for="[2001:db8::7]:4711";proto=https;host="shop.example:8443", For=10.0.0.1;proto=https;host=shop.example',
  ])
  assert.deepEqual(said, {
    address: '2001:db8::7',
    port: 4711,
    scheme: 'https',
    authority: 'shop.example',
    host: 'shop.example',
  })
})

test('a Forwarded beside X-Forwarded-For is the client’s own, which proxies pass on: it is ignored', () => {
  const said = apply([
    ...['forwarded', 'for=127.0.0.1;host=evil.example;proto=https'],
    ...['x-forwarded-for', '203.0.113.7'],
  ])
  assert.deepEqual(said, { ...unchanged, address: '203.0.113.7', port: 0 })
})

test('a Forwarded that is malformed, empty or of unknown parameters only is ignored', () => {
  for (const value of ['for=;;proto', '', ',', ' ', ';', '"', 'for="unclosed', 'by=10.0.0.1', 'for=unknown'])
    assert.deepEqual(apply(['forwarded', value]), unchanged, value)
})

test('an endless Forwarded is refused before it is read: no header may take seconds', () => {
  for (const value of [`"${'\\"'.repeat(32_000)}`, 'for=a;'.repeat(10_000)])
    assert.deepEqual(apply(['forwarded', value]), unchanged)
})

test('an address with a zone belongs to another machine: ignored', () => {
  assert.equal(apply(['x-forwarded-for', 'fe80::1%eth0']).address, '127.0.0.1')
})

test('a list of trusted proxies names what is wrong with it', () => {
  for (const entry of [
    'localhost',
    '',
    '10.0.0.1/',
    '10.0.0.0/33',
    '10.0.0.0/8/9',
    '::/129',
    '1.2.3.4/x',
    'fe80::1%lo',
  ])
    assert.throws(() => trustedProxies([entry]), { message: `not an address, a range or 'unix': ${entry}` })
})

test('ranges of both families; an IPv4 address in IPv6 form is the same address', () => {
  const { isTrusted } = trustedProxies(['10.1.0.0/16', '2001:db8::/32', '0.0.0.0/32'])
  for (const address of ['10.1.2.3', '2001:db8::1', '::ffff:10.1.2.3']) assert.ok(isTrusted(address), address)
  for (const address of ['10.2.0.0', '2001:db9::1', 'nonsense', '']) assert.ok(!isTrusted(address), address)
})
