import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import { isDeveloper } from './developer.ts'

function asked(socketAddress: string, authority: string, headers: string[] = [], address = socketAddress): boolean {
  const peer = { address, port: 4711, socketAddress }
  return isDeveloper(Object.assign(new FakeExchange({ authority, headers }), { peer }))
}

for (const [address, authority] of [
  ['127.0.0.1', 'localhost:8000'],
  ['127.0.0.1', 'shop.LOCALHOST'],
  ['127.8.9.1', '127.0.0.1:8000'],
  ['::1', '[::1]:8000'],
  ['::ffff:127.0.0.1', 'localhost'],
] as const)
  test(`${address} that asks for ${authority} is the developer`, () => assert.ok(asked(address, authority)))

for (const [address, authority] of [
  ['192.0.2.1', 'localhost'],
  ['::ffff:192.0.2.1', 'localhost'],
  ['2001:db8::1', '[::1]'],
  ['', 'localhost'],
  ['127.0.0.1', 'example.org'],
  ['127.0.0.1', '127.0.0.1.example.org'],
  ['127.0.0.1', 'notlocalhost'],
  ['127.0.0.1', ''],
] as const)
  test(`${address || 'a Unix socket'} that asks for ${authority || 'no host'} is not the developer`, () =>
    assert.ok(!asked(address, authority)))

for (const header of [
  'x-forwarded-for',
  'forwarded',
  'via',
  'x-real-ip',
  'x-forwarded-host',
  'cf-connecting-ip',
  'cf-ray',
])
  test(`with ${header}, which proxies write, it is not the developer, whatever the header says`, () =>
    assert.ok(!asked('127.0.0.1', 'localhost', [header, '127.0.0.1'])))

test('a client that a proxy speaks for is not the developer', () =>
  assert.ok(!asked('127.0.0.1', 'localhost', [], '198.51.100.7')))
