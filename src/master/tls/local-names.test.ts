import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindAddress } from '../../config/types.ts'
import { addressBytes, localNames } from './local-names.ts'

const ALWAYS = ['localhost', '*.localhost', '127.0.0.1', '::1']
const laptop = {
  hostName: 'Kim-Laptop',
  addresses: ['127.0.0.1', '192.168.0.7', '203.0.113.9', 'fe80::1', 'fd00::7', '2001:db8::7', '::1'],
}

function named(bind: readonly BindAddress[], hosts: readonly string[] = [], machine = laptop) {
  const { names, leftOut } = localNames({ bind, hosts }, machine)
  assert.deepEqual(names.slice(0, 4), ALWAYS)
  return { more: names.slice(4), leftOut }
}

const tcp = (host: string): BindAddress => ({ kind: 'tcp', host, port: 8000 })

test('on loopback and on a Unix socket the certificate is for localhost', () => {
  assert.deepEqual(named([tcp('127.0.0.1'), { kind: 'unix', path: '/run/a.sock' }]), { more: [], leftOut: [] })
  assert.deepEqual(named([tcp('127.0.0.2')]).more, ['127.0.0.2'])
})

test('0.0.0.0 is all private IPv4 addresses of the machine and its name in the local network', () => {
  assert.deepEqual(named([tcp('0.0.0.0')]), { more: ['kim-laptop.local', '192.168.0.7'], leftOut: ['203.0.113.9'] })
})

test('[::] and an inherited socket are those of both versions', () => {
  const more = ['kim-laptop.local', '192.168.0.7', 'fd00::7']
  assert.deepEqual(named([tcp('::')]).more, more)
  assert.deepEqual(named([{ kind: 'fd', fd: 3 }]).more, more)
})

test('a name in the local network that has more labels stays', () => {
  const machine = { hostName: 'kim.home.arpa.', addresses: [] }
  assert.deepEqual(named([tcp('0.0.0.0')], [], machine).more, ['kim.home.arpa', 'kim.local'])
  assert.deepEqual(named([tcp('0.0.0.0')], [], { hostName: 'kim_1', addresses: [] }).more, [])
})

test('what the user names, and what is not local, is left out and told', () => {
  const bind = [tcp('203.0.113.9'), tcp('10.1.2.3'), tcp('::ffff:10.1.2.4'), tcp('kim-laptop'), tcp('LOCALHOST')]
  const hosts = ['shop.test', '*.shop.localhost', 'shop.example', '*.kr']
  assert.deepEqual(named(bind, hosts), {
    more: ['10.1.2.3', '10.1.2.4', 'shop.test', '*.shop.localhost'],
    leftOut: ['203.0.113.9', 'kim-laptop', 'shop.example', '*.kr'],
  })
})

test('names are bounded', () => {
  const addresses = Array.from({ length: 1000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`)
  assert.equal(named([tcp('0.0.0.0')], [], { hostName: 'kim', addresses }).more.length, 196)
})

test('addresses become 4 or 16 bytes', () => {
  const hex = (text: string) => addressBytes(text)?.toString('hex')
  assert.equal(hex('192.168.0.7'), 'c0a80007')
  assert.equal(hex('::1'), '00000000000000000000000000000001')
  assert.equal(hex('fd00::'), 'fd000000000000000000000000000000')
  assert.equal(hex('fd00:1:2::7:8'), 'fd000001000200000000000000070008')
  assert.equal(hex('1:2:3:4:5:6:7:8'), '00010002000300040005000600070008')
  assert.equal(hex('64:ff9b::192.0.2.1'), '0064ff9b0000000000000000c0000201')
  assert.equal(hex('localhost'), undefined)
})
