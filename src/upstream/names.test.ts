/** Names of servers: what a group has while they change, fail and come back, and what a DNS server is asked. */
import assert from 'node:assert/strict'
import { Resolver } from 'node:dns/promises'
import { type TestContext, test } from 'node:test'
import { type NameAnswer, NameWatch, resolverOf } from './names.ts'
import { DnsServer } from './testing/dns-server.ts'
import { groupOf, serverOf } from './testing/groups.ts'

function names(group: ReturnType<typeof groupOf>): string[] {
  return group.peers.map(({ member }) => member.name)
}

const turn = () => new Promise(resolve => setImmediate(resolve))

test('each address of a name is a member; a failure keeps the last ones; a server that goes is not asked for any more', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const a = serverOf('a.test', 8000)
  const group = groupOf(a, serverOf('10.0.0.9', 80))
  const answers: (NameAnswer | Error | null)[] = [
    { addresses: ['10.0.0.2', '10.0.0.1'], ttlMs: 10_000 },
    // Another order is no change, and a TTL of nothing is some seconds.
    { addresses: ['10.0.0.1', '10.0.0.2'], ttlMs: 0 },
    Object.assign(new Error('x'), { code: 'ETIMEOUT' }),
    { addresses: ['10.0.0.3'], ttlMs: 10_000 },
  ]
  const asked: string[] = []
  const told: string[] = []
  const watch = new NameWatch(
    [group],
    (_, message) => told.push(message),
    host => {
      asked.push(host)
      const answer = answers.shift() ?? null
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
  )
  t.after(() => watch.close())
  watch.look()
  assert.deepEqual(names(group), ['a.test:8000', '10.0.0.9:80'])
  await turn()
  const both = ['a.test:8000 (10.0.0.1:8000)', 'a.test:8000 (10.0.0.2:8000)', '10.0.0.9:80']
  assert.deepEqual(names(group), both)
  const [first] = group.peers
  t.mock.timers.tick(10_000)
  await turn()
  assert.equal(group.peers[0]!.member, first!.member)
  t.mock.timers.tick(4000)
  assert.equal(asked.length, 2)
  t.mock.timers.tick(1000)
  await turn()
  assert.deepEqual(names(group), both)
  assert.match(told.join(), /a\.test does not resolve now \(ETIMEOUT\): its last addresses stay/)
  t.mock.timers.tick(10_000)
  await turn()
  assert.deepEqual(names(group), ['a.test:8000', '10.0.0.9:80'])
  assert.deepEqual(group.peers[0]!.address, { kind: 'tcp', host: '10.0.0.3', port: 8000 })
  assert.deepEqual(asked, ['a.test', 'a.test', 'a.test', 'a.test'])
  group.setServers([serverOf('10.0.0.9', 80)])
  watch.look()
  t.mock.timers.tick(1_000_000)
  assert.equal(asked.length, 4)
})

async function startDns(t: TestContext, addresses: () => readonly string[], ttl: number): Promise<Resolver> {
  const dns = await DnsServer.start(addresses, ttl)
  t.after(() => dns.close())
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([`127.0.0.1:${dns.port}`])
  return resolver
}

test('a DNS server is asked for addresses and their TTL; what it does not know is an error', async t => {
  let addresses = ['192.0.2.1', '192.0.2.2']
  const resolve = resolverOf(await startDns(t, () => addresses, 42))
  assert.deepEqual(await resolve('back.test'), { addresses: ['192.0.2.1', '192.0.2.2'], ttlMs: 42_000 })
  addresses = []
  await assert.rejects(resolve('back.test'), { code: 'ENOTFOUND' })
  // The system knows it.
  assert.equal(await resolve('localhost'), null)
})
