import assert from 'node:assert/strict'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BindAddress } from '../types.ts'
import { formatBind, parseBind, toAbsoluteBind } from './bind.ts'

const tcp = (host: string, port: number): BindAddress => ({ kind: 'tcp', host, port })

for (const [text, address] of [
  [':8000', tcp('0.0.0.0', 8000)],
  ['8000', tcp('127.0.0.1', 8000)],
  ['0', tcp('127.0.0.1', 0)],
  [':0', tcp('0.0.0.0', 0)],
  ['localhost:80', tcp('localhost', 80)],
  ['my_host.internal:65535', tcp('my_host.internal', 65535)],
  ['192.0.2.1:8000', tcp('192.0.2.1', 8000)],
  ['[::1]:8000', tcp('::1', 8000)],
  ['[::]:8000', tcp('::', 8000)],
  ['[fe80::1%eth0]:8000', tcp('fe80::1%eth0', 8000)],
  ['unix:/run/shop.sock', { kind: 'unix', path: '/run/shop.sock' }],
  ['unix:shop:1.sock', { kind: 'unix', path: 'shop:1.sock' }],
  ['fd://3', { kind: 'fd', fd: 3 }],
  ['http://:80', { ...tcp('0.0.0.0', 80), scheme: 'http' }],
  [':80 proxy-protocol', { ...tcp('0.0.0.0', 80), hasProxyHeader: true }],
  ['https://:443  proxy-protocol', { ...tcp('0.0.0.0', 443), scheme: 'https', hasProxyHeader: true }],
  ['unix:/run/a b.sock proxy-protocol', { kind: 'unix', path: '/run/a b.sock', hasProxyHeader: true }],
  ['uwsgi://127.0.0.1:3031', { ...tcp('127.0.0.1', 3031), scheme: 'uwsgi' }],
  ['fastcgi://:9000', { ...tcp('0.0.0.0', 9000), scheme: 'fastcgi' }],
  ['scgi://unix:/run/shop.sock', { kind: 'unix', path: '/run/shop.sock', scheme: 'scgi' }],
  ['https://8443', { ...tcp('127.0.0.1', 8443), scheme: 'https' }],
  ['https://[::1]:8443', { ...tcp('::1', 8443), scheme: 'https' }],
  ['https://unix:/run/shop.sock', { kind: 'unix', path: '/run/shop.sock', scheme: 'https' }],
  ['https://fd://3', { kind: 'fd', fd: 3, scheme: 'https' }],
] as const)
  test(`${text} is an address`, () => assert.deepEqual(parseBind(text), { value: address }))

for (const [text, problem] of [
  ['', /HOST:PORT/],
  ['localhost', /HOST:PORT/],
  ['[::1]', /HOST:PORT/],
  ['a:b:c', /HOST:PORT/],
  ['localhost:', /port from 0 to 65535/],
  ['localhost:http', /port from 0 to 65535/],
  [':-1', /port from 0 to 65535/],
  ['65536', /port from 0 to 65535/],
  ['[::1]:99999', /port from 0 to 65535/],
  ['[localhost]:80', /IPv6 address in the brackets/],
  ['::1', /IPv6 address in brackets/],
  ['2001:db8::1:80', /IPv6 address in brackets/],
  ['*:80', /leaving the host out/],
  ['256.0.0.1:80', /host name or an IP address/],
  ['127.1:80', /host name or an IP address/],
  ['my host:80', /host name or an IP address/],
  ['-x:80', /host name or an IP address/],
  ['/run/shop.sock:80', /host name or an IP address/],
  ['tcp://localhost:80', /no other scheme than http:\/\/, https:\/\//],
  ['https://https://localhost:80', /no other scheme than/],
  ['HTTPS://localhost:80', /no other scheme than/],
  ['uwsgi:///run/shop.sock', /must name a Unix socket as uwsgi:\/\/unix:\/run\/shop\.sock/],
  ['scgi://:4000 proxy-protocol', /no proxy-protocol with scgi:\/\//],
  ['https://localhost', /HOST:PORT/],
  ['https://', /HOST:PORT/],
  ['https://localhost:80/', /without a slash at its end/],
  ['unix:', /path after unix:/],
  ['fd://2', /from 3 on/],
  ['fd:3', /fd:\/\/N/],
  ['fd://stdin', /fd:\/\/N/],
  ['unix:/run/', /directory is no socket/],
] as const)
  test(`'${text}' is refused with what is allowed`, () => {
    const parsed = parseBind(text)
    assert.ok('problem' in parsed)
    assert.match(parsed.problem, problem)
  })

test('a relative Unix path is made absolute, other addresses stay', () => {
  assert.equal(
    toAbsoluteBind('unix:run/a.sock', path => join('/srv/shop', path)),
    'unix:/srv/shop/run/a.sock',
  )
  assert.equal(
    toAbsoluteBind('https://unix:run/a.sock', path => join('/srv/shop', path)),
    'https://unix:/srv/shop/run/a.sock',
  )
  for (const text of ['unix:/run/a.sock', 'unix:', 'unix:/run/', '[::1]:1', ':80', 'fd://3', 'nonsense'])
    assert.equal(
      toAbsoluteBind(text, path => resolve('/srv', path)),
      text,
    )
})

test('a printed address is read as the same address', () => {
  const port = fc.integer({ min: 0, max: 65535 })
  const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain())
  const path = fc.string({ minLength: 1 }).filter(text => !text.endsWith('/'))
  const address = fc.oneof(
    fc.record({ kind: fc.constant('tcp' as const), host, port }, { noNullPrototype: true }),
    fc.record({ kind: fc.constant('unix' as const), path }, { noNullPrototype: true }),
    fc.record({ kind: fc.constant('fd' as const), fd: fc.integer({ min: 3, max: 99_999 }) }, { noNullPrototype: true }),
  )
  fc.assert(fc.property(address, one => assert.deepEqual(parseBind(formatBind(one)), { value: one })))
})

test('any text is read or refused without an exception, and an address survives printing and reading', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('[', ']', ':', '1', 'a', '.', '%', '-', '/') }))
  fc.assert(
    fc.property(text, one => {
      const parsed = parseBind(one)
      if ('value' in parsed) assert.deepEqual(parseBind(formatBind(parsed.value)), parsed)
    }),
  )
})
