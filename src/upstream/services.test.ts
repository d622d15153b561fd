/** Services: what a real DNS server is asked, and what its records make of a group. */
import assert from 'node:assert/strict'
import { Resolver } from 'node:dns/promises'
import { type TestContext, test } from 'node:test'
import { NameWatch, resolverOf } from './names.ts'
import { type ResolveService, serviceResolver } from './services.ts'
import { DnsServer, type ServiceRecord } from './testing/dns-server.ts'
import { groupOf, serverOf } from './testing/groups.ts'

interface Zone {
  readonly srv: Readonly<Record<string, readonly ServiceRecord[]>>
  readonly a: Readonly<Record<string, readonly string[]>>
}

const NAME = '_http._tcp.api.test'

/** Null: DNS says nothing. */
async function servicesOf(t: TestContext, zone: () => Zone | null): Promise<ResolveService> {
  const addresses = (name: string) => {
    const known = zone()
    return known === null ? null : (known.a[name] ?? [])
  }
  const server = await DnsServer.start(addresses, 20, '127.0.0.1', 0, name => zone()?.srv[name] ?? [])
  t.after(() => server.close())
  const resolver = new Resolver({ timeout: 100, tries: 1 })
  resolver.setServers([`127.0.0.1:${server.port}`])
  return serviceResolver(resolver, resolverOf(resolver))
}

test('records have ports and weights; the lowest priority is asked, others are backup; a target that is not there is left out', async t => {
  let zone: Zone | null = {
    srv: {
      [NAME]: [
        [20, 5, 8003, 'c.test'],
        [10, 3, 8001, 'a.test'],
        [10, 0, 8002, 'b.test'],
        [5, 1, 8000, 'gone.test'],
      ],
    },
    a: { 'a.test': ['192.0.2.1', '192.0.2.2'], 'b.test': ['192.0.2.3'], 'c.test': ['192.0.2.4'] },
  }
  const resolve = await servicesOf(t, () => zone)
  const { found, ttlMs } = await resolve(NAME)
  assert.equal(ttlMs, 20_000)
  assert.deepEqual(
    found.map(({ address, port, weight, isBackup }) => `${address}:${port} ${weight}${isBackup ? ' backup' : ''}`),
    ['192.0.2.1:8001 3', '192.0.2.2:8001 3', '192.0.2.3:8002 1', '192.0.2.4:8003 5 backup'],
  )
  zone = { srv: { [NAME]: [[0, 0, 0, '.']] }, a: {} }
  await assert.rejects(resolve(NAME), { code: 'ENODATA' })
  zone = { srv: {}, a: {} }
  await assert.rejects(resolve(NAME), { code: 'ENOTFOUND' })
  zone = null
  await assert.rejects(resolve(NAME), { code: 'ETIMEOUT' })
})

test('a group follows its service, keeps its servers while DNS fails, and another configuration has them at once', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const name = `_http._tcp.follow.test`
  const server = serverOf('', 0, { label: `srv:${name}`, address: { kind: 'srv', name } })
  const group = groupOf(server)
  const found = (port: number, weight: number, isBackup = false) => ({ address: '10.0.0.1', port, weight, isBackup })
  const answers: (Awaited<ReturnType<ResolveService>> | Error)[] = [
    { found: [found(2, 1, true), found(1, 3)], ttlMs: 10_000 },
    Object.assign(new Error('x'), { code: 'ESERVFAIL' }),
    { found: [found(2, 4)], ttlMs: 10_000 },
  ]
  const told: string[] = []
  const watch = (of: typeof group) =>
    new NameWatch(
      [of],
      (_, message) => told.push(message),
      () => Promise.resolve(null),
      () => {
        const answer = answers.shift()
        return answer === undefined
          ? new Promise(() => {})
          : answer instanceof Error
            ? Promise.reject(answer)
            : Promise.resolve(answer)
      },
    )
  const members = (of: typeof group) =>
    of.peers.map(({ member, address }) => [
      address.kind === 'tcp' && address.port,
      member.rules.weight,
      member.rules.isBackup,
    ])
  const turn = () => new Promise(resolve => setImmediate(resolve))
  const first = watch(group)
  t.after(() => first.close())
  assert.deepEqual(members(group), [])
  first.look()
  await turn()
  const both = [
    [1, 3, false],
    [2, 1, true],
  ]
  assert.deepEqual(members(group), both)
  t.mock.timers.tick(10_000)
  await turn()
  assert.deepEqual(members(group), both)
  assert.match(told.join(), /srv:_http\._tcp\.follow\.test does not resolve now \(ESERVFAIL\): its last addresses stay/)
  t.mock.timers.tick(10_000)
  await turn()
  assert.deepEqual(members(group), [[2, 4, false]])
  assert.match(told.join(), /has other addresses: 10\.0\.0\.1:2 weight=4/)
  const next = groupOf(server)
  const second = watch(next)
  t.after(() => second.close())
  second.look()
  assert.deepEqual(members(next), [[2, 4, false]])
})
