/** Servers that requests choose: names that lead elsewhere after they were looked at, and how many are kept. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OpenFiles } from '../base/open-files.ts'
import { Destinations, type NoServer } from './destinations.ts'
import { UpstreamGroup } from './group.ts'
import type { NameAnswer } from './names.ts'
import { ConnectionRoom } from './room.ts'
import { groupOf } from './testing/groups.ts'

type Answers = Record<string, NameAnswer | Error | null>

function destinations(answers: Answers) {
  const asked: string[] = []
  const all = new Destinations(
    { ...groupOf().upstream, name: 'http://$host', isSingle: true },
    new ConnectionRoom(new OpenFiles()),
    address => !address.startsWith('127.'),
    host => {
      asked.push(host)
      const answer = answers[host] ?? null
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
  )
  const find = (host: string, more: { readonly isAddress?: boolean; readonly isNamed?: boolean } = {}) =>
    new Promise<UpstreamGroup | NoServer>(done =>
      all.find({ label: `${host}:80`, host, port: 80, isAddress: false, isNamed: false, ...more }, done),
    )
  return { all, asked, find }
}

function addressesOf(found: UpstreamGroup | NoServer): unknown[] {
  assert.ok(found instanceof UpstreamGroup, JSON.stringify(found))
  return found.peers.map(({ address }) => (address.kind === 'tcp' ? `${address.host}:${address.port}` : ''))
}

const none = (code: string) => Object.assign(new Error('x'), { code })

test('a connection has an address that was looked at: a name that leads here is refused, also later, and beside others', async t => {
  t.mock.method(performance, 'now', () => now)
  let now = 1000
  const answers: Answers = {
    'a.test': { addresses: ['10.0.0.2', '127.0.0.1', '10.0.0.1'], ttlMs: 1000 },
    'b.test': { addresses: ['127.0.0.1'], ttlMs: 1000 },
  }
  const { asked, find } = destinations(answers)
  const [first, same] = await Promise.all([find('a.test'), find('a.test')])
  assert.deepEqual(addressesOf(first), ['10.0.0.1:80', '10.0.0.2:80'])
  assert.equal(first, same)
  const refused = await find('b.test')
  assert.ok(!(refused instanceof UpstreamGroup) && refused.isRefused && /127\.0\.0\.1/.test(refused.reason))
  answers['a.test'] = { addresses: ['127.0.0.1'], ttlMs: 1000 }
  // A TTL of a second is five.
  now += 4000
  assert.equal(await find('a.test'), first)
  now += 1001
  const later = await find('a.test')
  assert.ok(!(later instanceof UpstreamGroup) && later.isRefused)
  assert.deepEqual(asked, ['a.test', 'b.test', 'a.test'])
})

test('a DNS that fails leaves the last addresses; a name that clients made up is not asked of the system', async t => {
  t.mock.method(performance, 'now', () => now)
  let now = 1000
  const answers: Answers = { 'a.test': { addresses: ['10.0.0.1'], ttlMs: 0 }, 'x.test': none('ENOTFOUND') }
  const { all, find } = destinations(answers)
  const first = await find('a.test')
  answers['a.test'] = none('ETIMEOUT')
  now += 6000
  assert.equal(await find('a.test'), first)
  assert.deepEqual(await find('x.test'), { isRefused: false, reason: 'the name x.test does not resolve (ENOTFOUND)' })
  assert.equal(all.size, 1)
  answers['localhost'] = none('ENOTFOUND')
  const named = await find('localhost', { isNamed: true })
  assert.ok(!(named instanceof UpstreamGroup) && named.isRefused && /127\.0\.0\.1/.test(named.reason))
})

test('as many servers are kept as the bound says, the one that was asked for longest ago goes; names in question are bounded', async () => {
  const { all, find } = destinations({})
  const first = await find('10.0.0.0', { isAddress: true })
  const second = await find('10.0.0.1', { isAddress: true })
  for (let i = 2; i < 256; i++) await find(`10.0.0.${i}`, { isAddress: true })
  assert.equal(await find('10.0.0.0', { isAddress: true }), first)
  await find('10.0.1.0', { isAddress: true })
  assert.equal(all.size, 256)
  assert.equal(await find('10.0.0.0', { isAddress: true }), first)
  assert.notEqual(await find('10.0.0.1', { isAddress: true }), second)
  all.close()
  assert.equal(all.size, 0)

  const slow = new Destinations(
    groupOf().upstream,
    new ConnectionRoom(new OpenFiles()),
    () => true,
    () => new Promise(() => {}),
  )
  const told: unknown[] = []
  for (let i = 0; i < 257; i++) {
    const host = `${i}.test`
    slow.find({ label: host, host, port: 80, isAddress: false, isNamed: false }, found => told.push(found))
  }
  assert.equal(told.length, 1)
  assert.match(JSON.stringify(told), /256 names are being resolved already/)
})

test('while too many names are in question, a server that is known keeps its last addresses', async t => {
  t.mock.method(performance, 'now', () => now)
  let now = 1000
  const all = new Destinations(
    groupOf().upstream,
    new ConnectionRoom(new OpenFiles()),
    () => true,
    host => (host === 'good.test' ? Promise.resolve({ addresses: ['10.0.0.1'], ttlMs: 0 }) : new Promise(() => {})),
  )
  const find = (host: string) =>
    new Promise<UpstreamGroup | NoServer>(done =>
      all.find({ label: host, host, port: 80, isAddress: false, isNamed: false }, done),
    )
  const good = await find('good.test')
  now += 60_000
  for (let i = 0; i < 256; i++) void find(`${i}.test`)
  assert.equal(await find('good.test'), good)
})
