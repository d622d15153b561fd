import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HomeTable, keyedHash, MAX_CLIENTS, rendezvous } from './home-table.ts'

const SECRET = Buffer.alloc(32, 's')
const CLIENTS = Array.from({ length: 4000 }, (_, i) => keyedHash(SECRET, `192.0.2.${i}`))

function workers(...ids: number[]): { id: number }[] {
  return ids.map(id => ({ id }))
}

function shares(candidates: { id: number }[]): Map<number, number> {
  const found = new Map<number, number>()
  for (const client of CLIENTS) {
    const { id } = rendezvous(client, candidates)!
    found.set(id, (found.get(id) ?? 0) + 1)
  }
  return found
}

test('clients are spread evenly over the workers', () => {
  for (const candidates of [workers(1, 2, 3, 4), workers(101, 102, 105, 4096)])
    for (const { id } of candidates) {
      const share = shares(candidates).get(id)!
      assert.ok(share > 850 && share < 1150, `worker ${id} has ${share} of 4000`)
    }
})

test('when a worker goes only its own clients move, and when one comes only its share moves', () => {
  let moved = 0
  for (const client of CLIENTS) {
    const before = rendezvous(client, workers(1, 2, 3, 4))!.id
    if (before !== 3) assert.equal(rendezvous(client, workers(4, 1, 2))!.id, before)
    const after = rendezvous(client, workers(1, 2, 3, 4, 5))!.id
    if (after === before) continue
    assert.equal(after, 5)
    moved++
  }
  assert.ok(moved > 600 && moved < 1000, `${moved} of 4000 moved`)
})

test('without workers there is none', () => assert.equal(rendezvous('x', []), null))

test('another secret spreads clients in another way: nobody can tell where a value leads', () => {
  const other = Buffer.alloc(32, 't')
  const same = Array.from({ length: 1000 }, (_, i) => {
    const [one, two] = [SECRET, other].map(secret => rendezvous(keyedHash(secret, String(i)), workers(1, 2, 3, 4))!.id)
    return one === two
  })
  const count = same.filter(Boolean).length
  assert.ok(count > 180 && count < 320, `${count} of 1000 lead to the same worker`)
})

test('the table is bounded: the client that was silent for longest is forgotten', () => {
  const table = new HomeTable()
  for (let i = 0; i < MAX_CLIENTS; i++) table.set(String(i), 1)
  assert.equal(table.get('0'), 1)
  table.set('one more', 2)
  assert.deepEqual([table.size, table.get('0'), table.get('1'), table.get('one more')], [MAX_CLIENTS, 1, 0, 2])
})
