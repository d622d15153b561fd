import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Logins, type PasswordChecker } from './logins.ts'

const FILE = '/etc/jumak/users'
const OTHER_FILE = '/etc/jumak/others'
const USERS = [
  { name: 'ann', hash: 'of ann' },
  { name: 'bob', hash: 'of bob' },
]
const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

const client = (address: string) => ({ address, socketAddress: address })

/** A password is right if it is the hash. */
class Checker implements PasswordChecker {
  isFull = false
  readonly asked: string[] = []
  async check(password: Buffer, hash: string): Promise<boolean> {
    this.asked.push(`${password} for ${hash}`)
    return password.toString() === hash
  }
}

function start() {
  const checker = new Checker()
  const clock = { now: 1000 }
  const waits: number[] = []
  const logins = new Logins(
    [
      { file: FILE, users: USERS },
      { file: OTHER_FILE, users: USERS.map(({ name }) => ({ name, hash: 'other' })) },
    ],
    checker,
    () => clock.now,
    async ms => {
      waits.push(ms)
    },
  )
  const check = async (authorization: string, address = '192.0.2.1') =>
    (await logins.check(FILE, authorization, client(address))).kind
  return { checker, clock, waits, logins, check }
}

test('what was right is known for a minute, and asked for again then', async () => {
  const { checker, clock, logins, check } = start()
  assert.equal(await check(basic('ann', 'of ann')), 'right')
  const known = logins.check(FILE, basic('ann', 'of ann'), client('198.51.100.7'))
  assert.deepEqual(known, { kind: 'right', name: 'ann' })
  assert.equal(checker.asked.length, 1)
  clock.now += 60_001
  assert.equal(await check(basic('ann', 'of ann')), 'right')
  assert.equal(checker.asked.length, 2)
})

test('a connection that sends the same again is known for that minute, for that file and with these very words only', async () => {
  const { checker, clock, logins } = start()
  const one = client('192.0.2.1')
  const ask = async (authorization: string, file = FILE) => (await logins.check(file, authorization, one)).kind
  const right = basic('ann', 'of ann')
  for (let i = 0; i < 4; i++) assert.equal(await ask(right), 'right')
  assert.equal(checker.asked.length, 1)
  // As long, and other in one place only.
  assert.equal(await ask(basic('ann', 'of anm')), 'wrong')
  assert.equal(await ask(right, OTHER_FILE), 'wrong')
  assert.equal(await ask(right), 'right')
  clock.now += 60_001
  const before = checker.asked.length
  assert.equal(await ask(right), 'right')
  assert.equal(checker.asked.length, before + 1)
})

test('what was wrong is not known', async () => {
  const { checker, check } = start()
  for (let i = 0; i < 3; i++) assert.equal(await check(basic('ann', 'x')), 'wrong')
  assert.equal(checker.asked.length, 3)
})

test('a name that is not there costs the check of another hash, always the same, and is never right', async () => {
  const { checker, check } = start()
  for (const password of ['of ann', 'of bob', 'of ann']) assert.equal(await check(basic('eve', password)), 'wrong')
  assert.equal(checker.asked.length, 3)
  assert.equal(new Set(checker.asked.map(one => one.split(' for ')[1])).size, 1)
})

test('without a name and a password nothing is checked', async () => {
  const { checker, check } = start()
  for (const one of [
    '',
    'Basic',
    'Basic ',
    'Bearer x',
    'Basic !!!',
    basic('', 'x'),
    'Basic YW5u',
    `Basic ${Buffer.from('ann:of ann\0x').toString('base64')}`,
    `${basic('ann', 'of ann')}, ${basic('bob', 'x')}`,
  ])
    assert.equal(await check(one), 'none', one)
  assert.equal(checker.asked.length, 0)
})

test('the same login at the same time is checked once', async () => {
  const { checker, check } = start()
  const all = await Promise.all(Array.from({ length: 9 }, () => check(basic('ann', 'of ann'))))
  assert.deepEqual([...new Set(all)], ['right'])
  assert.equal(checker.asked.length, 1)
})

test('a network that is wrong again and again waits, at most four of its passwords at once', async () => {
  const { checker, waits, clock, check } = start()
  for (let i = 0; i < 5; i++) await check(basic('ann', `${i}`), '2001:db8::1')
  assert.deepEqual(waits, [])
  for (let i = 0; i < 7; i++) await check(basic('ann', `x${i}`), '2001:db8::2')
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 8000])
  // A right one waits too, and another network does not.
  await check(basic('ann', 'of ann'), '2001:db8::3')
  assert.equal(waits.length, 8)
  await check(basic('bob', 'of bob'), '2001:db8:1::1')
  assert.equal(waits.length, 8)
  const many = await Promise.all(Array.from({ length: 6 }, (_, i) => check(basic('ann', `y${i}`), '2001:db8::4')))
  assert.deepEqual(many, ['wrong', 'wrong', 'wrong', 'wrong', 'too-many', 'too-many'])
  clock.now += 5 * 60_000 + 1
  waits.length = 0
  await check(basic('ann', 'z'), '2001:db8::5')
  assert.deepEqual(waits, [])
  assert.ok(checker.asked.length > 0)
})

test('who is known passes while the queue is full, and nobody else', async () => {
  const { checker, check } = start()
  await check(basic('ann', 'of ann'))
  checker.isFull = true
  assert.equal(await check(basic('ann', 'of ann')), 'right')
  assert.equal(await check(basic('bob', 'of bob')), 'busy')
  checker.isFull = false
  assert.equal(await check(basic('bob', 'of bob')), 'right')
})

test('a password that is too long for a person is wrong', async () => {
  const { checker, check } = start()
  assert.equal(await check(basic('ann', 'x'.repeat(513))), 'wrong')
  assert.equal(checker.asked.length, 0)
})
