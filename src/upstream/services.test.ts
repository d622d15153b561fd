/** Services: what a real DNS server is asked, and what its records make of a group. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { NameWatch, resolverOf } from './names.ts'
import { type ResolveService, serviceResolver } from './services.ts'
import { groupOf, serverOf } from './testing/groups.ts'

type Srv = readonly [priority: number, weight: number, port: number, target: string]

interface Zone {
  readonly srv: Readonly<Record<string, readonly Srv[]>>
  readonly a: Readonly<Record<string, readonly string[]>>
}

const [A, SRV] = [1, 33]

function nameBytes(name: string): Buffer {
  const labels = name.split('.').filter(label => label !== '')
  return Buffer.concat([...labels.map(label => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.of(0)])
}

function nameAt(message: Buffer, from: number): string {
  const labels: string[] = []
  for (let at = from; message[at] !== 0; at += message[at]! + 1)
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]!))
  return labels.join('.').toLowerCase()
}

function dataOf(type: number, zone: Zone, name: string): Buffer[] {
  if (type === A) return (zone.a[name] ?? []).map(one => Buffer.from(one.split('.').map(Number)))
  if (type !== SRV) return []
  return (zone.srv[name] ?? []).map(([priority, weight, port, target]) => {
    const numbers = Buffer.alloc(6)
    numbers.writeUInt16BE(priority, 0)
    numbers.writeUInt16BE(weight, 2)
    numbers.writeUInt16BE(port, 4)
    return Buffer.concat([numbers, nameBytes(target)])
  })
}

/** Answers for A and SRV as the zone says, for this many seconds. Null: an answer that it could not be found out. */
async function startDns(t: TestContext, zone: () => Zone | null, ttl: number): Promise<Resolver> {
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  socket.on('message', (question, { port, address }) => {
    const end = question.indexOf(0, 12) + 5
    const [type, name, known] = [question.readUInt16BE(end - 4), nameAt(question, 12), zone()]
    const all = known === null ? [] : dataOf(type, known, name)
    const head = Buffer.from(question.subarray(0, 12))
    const isKnown = known !== null && (name in known.a || name in known.srv)
    head.writeUInt16BE(known === null ? 0x8182 : isKnown ? 0x8180 : 0x8183, 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(all.length, 6)
    head.fill(0, 8)
    const records = all.map(data => {
      const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length])
      record.writeUInt32BE(ttl, 6)
      return Buffer.concat([record, data])
    })
    socket.send(Buffer.concat([head, question.subarray(12, end), ...records]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([`127.0.0.1:${socket.address().port}`])
  return resolver
}

const NAME = '_http._tcp.api.test'

async function servicesOf(t: TestContext, zone: () => Zone | null): Promise<ResolveService> {
  const resolver = await startDns(t, zone, 20)
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
  await assert.rejects(resolve(NAME), { code: 'ESERVFAIL' })
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
