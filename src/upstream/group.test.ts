/** Members of a group that change while requests run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UpstreamServer } from '../sites/upstream-model.ts'
import type { UpstreamGroup } from './group.ts'
import { groupOf as group, serverOf } from './testing/groups.ts'

const QUESTION = { address: '127.0.0.1', key: '', home: null }

function server(label: string, more: Partial<UpstreamServer> = {}): UpstreamServer {
  return serverOf(label, 80, { label, ...more })
}

function names(one: UpstreamGroup, leases: number): string[] {
  return Array.from({ length: leases }, () => {
    const peer = one.lease(QUESTION, new Set())!
    one.done(peer)
    return peer.member.name
  })
}

test('a server that is added gets requests, one that is removed gets none and ends what it has', () => {
  const [a, b, c] = [server('a'), server('b'), server('c')]
  const one = group(a, b)
  const lease = one.lease(QUESTION, new Set())!
  assert.equal(lease.member.name, 'a')
  one.setServers([b, c])
  assert.deepEqual(new Set(names(one, 10)), new Set(['b', 'c']))
  one.failed(lease, true)
  assert.equal(lease.member.active, 0)
})

test('a member that stays keeps what is known of it; its rules are the new ones', () => {
  const [a, b] = [server('a'), server('b')]
  const one = group(a, b)
  const kept = one.peers[1]!
  one.failed(one.lease(QUESTION, new Set([one.peers[0]!.member]))!, true)
  one.setServers([server('a', { weight: 3 }), server('b'), server('c')])
  assert.equal(one.peers[1]!.member, kept.member)
  assert.equal(one.peers[1]!.pools, kept.pools)
  assert.equal(one.peers[0]!.member.rules.weight, 3)
  assert.equal(names(one, 8).filter(name => name === 'b').length, 0)
})

test('each address of a name is a member; those that stay are the same', () => {
  const a = server('a')
  const one = group(a, server('b'))
  const address = (host: string) => ({ kind: 'tcp' as const, host, port: 80 })
  one.setAddresses(a, [{ address: address('10.0.0.1') }, { address: address('::1') }])
  assert.deepEqual(
    one.peers.map(({ member }) => member.name),
    ['a (10.0.0.1:80)', 'a ([::1]:80)', 'b'],
  )
  const [, second] = one.peers
  one.setAddresses(a, [{ address: address('::1') }, { address: address('10.0.0.3') }])
  assert.equal(one.peers[0]!.member, second!.member)
  // A server that has gone meanwhile.
  one.setServers([server('b')])
  one.setAddresses(a, [{ address: address('10.0.0.9') }])
  assert.deepEqual(names(one, 2), ['b', 'b'])
})

test('a server that is left alone is always asked', () => {
  const [a, b] = [server('a'), server('b')]
  const one = group(a, b)
  one.setServers([a])
  for (let i = 0; i < 3; i++) one.failed(one.lease(QUESTION, new Set())!, true)
  assert.deepEqual(names(one, 1), ['a'])
})
