import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../apps/testing/fake-exchange.ts'
import { isDeveloper } from './developer.ts'

const LOCAL = { address: '127.0.0.1', port: 4711, socketAddress: '127.0.0.1' }

function asks(authority: string, headers: string[] = [], peer: object = LOCAL): boolean {
  return isDeveloper(Object.assign(new FakeExchange({ authority, headers }), { peer }))
}

test('a browser on this machine, by any name of it', () => {
  for (const authority of ['localhost:8000', '127.0.0.1:8000', '[::1]:8000', 'shop.localhost'])
    assert.ok(asks(authority))
  assert.ok(asks('localhost', [], { address: '::1', port: 1, socketAddress: '::1' }))
})

test('nobody else: another machine, a name that points here, a proxy or tunnel on this machine', () => {
  assert.ok(!asks('localhost', [], { address: '192.0.2.1', port: 1, socketAddress: '192.0.2.1' }))
  assert.ok(!asks('localhost', [], { ...LOCAL, address: '192.0.2.1' }))
  assert.ok(!asks('attacker.example'))
  for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'cf-ray'])
    assert.ok(!asks('localhost', [name, '127.0.0.1']), name)
})
