/** Clients that stay with their servers: which cookie counts, which server is asked, and when there is a new cookie. Time is a number. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StickySettings } from '../../sites/upstream-model.ts'
import { rulesOf } from '../testing/members.ts'
import { choose } from './choose.ts'
import { Member, type MemberRules } from './member.ts'
import { Sticky, type StickyClient } from './sticky.ts'

const SETTINGS: StickySettings = { cookie: 'srv', ttl: null, path: '/', domain: null, sameSite: 'Lax' }
const KEY = Buffer.alloc(32, 'k')
const NOW = 1_700_000_000_000
const SECOND = 1000
const NOBODY: ReadonlySet<Member> = new Set()

function group(...rules: Partial<MemberRules>[]): Member[] {
  return rules.map((one, i) => new Member(`10.0.0.${i}:80`, i, rulesOf(one)))
}

function sticky(settings: Partial<StickySettings> = {}, key = KEY): Sticky {
  return new Sticky({ ...SETTINGS, ...settings }, key)
}

function from(one: Sticky, members: Member[], cookie = '', now = NOW, scheme = 'http'): StickyClient {
  return one.clientOf({ headers: cookie === '' ? [] : ['cookie', cookie], scheme }, members, now)
}

/** The Set-Cookie of a new client that this member has answered. */
function setBy(one: Sticky, members: Member[], index: number, now = NOW, scheme = 'http'): string {
  return from(one, members, '', now, scheme).cookieFor(members[index]!, new Set([members[index]!]), 0)!
}

function sentBack(setCookie: string): string {
  return setCookie.slice(0, setCookie.indexOf(';'))
}

function ask(members: Member[], { home }: StickyClient, now = 0, tried = NOBODY): Member | null {
  return choose(members, 'round-robin', { address: '', key: '', home }, tried, now, Math.random)
}

test('a client stays with the server that has answered it, and gets one cookie', () => {
  const [one, members] = [sticky(), group({}, {}, {})]
  const cookie = sentBack(setBy(one, members, 1))
  for (let i = 0; i < 20; i++) {
    const client = from(one, members, `a=1; ${cookie}; b=2`, NOW + i * 3_600_000)
    assert.equal(ask(members, client), members[1])
    assert.equal(client.cookieFor(members[1]!, NOBODY, 0), null)
  }
})

test('the cookie names no address, and has the attributes that were given', () => {
  const members = group({}, {})
  const plain = setBy(sticky(), members, 0)
  assert.match(plain, /^srv=1\.[\w-]{12}\.[0-9a-z]+\.[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/)
  assert.doesNotMatch(Buffer.from(plain.split('.')[1]!, 'base64url').toString('latin1'), /10\.0/)
  assert.match(setBy(sticky(), members, 0, NOW, 'https'), /; HttpOnly; SameSite=Lax; Secure$/)
  assert.match(
    setBy(sticky({ ttl: 60, path: '/shop', domain: 'a.test', sameSite: 'None' }), members, 0),
    /; Path=\/shop; Domain=a\.test; Max-Age=60; HttpOnly; SameSite=None; Secure$/,
  )
})

test('another start, or another thread, with the same key knows the same cookie', () => {
  const cookie = sentBack(setBy(sticky(), group({}, {}), 1))
  const later = group({}, {}, {})
  assert.equal(from(sticky(), later, cookie).home, later[1])
})

test('what is changed, cut, invented, of others, or of a server that is gone counts as none', () => {
  const members = group({}, {})
  const [one, other] = [sentBack(setBy(sticky(), members, 0)), sentBack(setBy(sticky(), members, 1))]
  const idOfOther = other.split('.')[1]!
  const wrong = [
    one.replace(/\.[\w-]{12}\./, `.${idOfOther}.`),
    one.replace(/\.([0-9a-z]+)\.(?=[\w-]{22}$)/, '.zzzzzz.'),
    one.replace('=1.', '=2.'),
    one.slice(0, -1),
    `${one}A`,
    one.replace(/[^.]{22}$/, 'A'.repeat(22)),
    'srv=',
    'srv=1',
    `x${one}`,
    `srv=${'1'.repeat(10_000)}`,
    sentBack(setBy(sticky({}, Buffer.alloc(32, 'x')), members, 0)),
    sentBack(setBy(sticky({ cookie: 'vrs' }), members, 0)).replace('vrs', 'srv'),
    sentBack(setBy(sticky(), group({}, {}, {}), 2)),
  ]
  for (const cookie of wrong) {
    const client = from(sticky(), members, cookie)
    assert.equal(client.home, null, cookie)
    assert.notEqual(client.cookieFor(members[0]!, NOBODY, 0), null, cookie)
  }
})

test('with a ttl the cookie is renewed in the second half of its time, and nothing after it', () => {
  const [one, members] = [sticky({ ttl: 100 }), group({}, {})]
  const cookie = sentBack(setBy(one, members, 0))
  const after = (seconds: number) => from(one, members, cookie, NOW + seconds * SECOND)
  assert.equal(after(50).cookieFor(members[0]!, NOBODY, 0), null)
  const renewed = after(51).cookieFor(members[0]!, NOBODY, 0)
  assert.equal(from(one, members, sentBack(renewed!), NOW + 150 * SECOND).home, members[0])
  assert.equal(after(100).home, members[0])
  assert.equal(after(101).home, null)
})

test('a server that is drained has its own clients and no others, until their time is over', () => {
  const [one, members] = [sticky({ ttl: 100 }), group({ isDraining: true }, {})]
  const client = from(one, members, sentBack(setBy(one, members, 0)), NOW + 80 * SECOND)
  assert.equal(ask(members, client), members[0])
  assert.equal(client.cookieFor(members[0]!, NOBODY, 0), null)
  for (let i = 0; i < 4; i++) assert.equal(ask(members, from(one, members)), members[1])
})

test('the clients of a server that is out, ill, down or removed get another one, and its cookie', () => {
  const one = sticky()
  const breaks: readonly ((members: Member[]) => void)[] = [
    ([first]) => first!.failed(0),
    ([first]) => first!.setHealthy(false, 0),
    ([first]) => {
      first!.rules = { ...first!.rules, isDown: true }
    },
    members => members.shift(),
  ]
  for (const make of breaks) {
    const members = group({}, {})
    const cookie = sentBack(setBy(one, members, 0))
    make(members)
    const client = from(one, members.slice(), cookie)
    const chosen = ask(members, client, 1)!
    assert.equal(chosen.index, 1)
    const moved = client.cookieFor(chosen, new Set([chosen]), 1)
    assert.equal(from(one, members.slice(), sentBack(moved!)).home, chosen)
  }
})

test('one that fails this request loses the client; one that only has max-conns keeps it', () => {
  const [one, members] = [sticky(), group({ maxConns: 1, maxFails: 0 }, {})]
  const client = from(one, members, sentBack(setBy(one, members, 0)))
  const [home, other] = members as [Member, Member]
  home.begin(0)
  assert.equal(ask(members, client), other)
  assert.equal(client.cookieFor(other, new Set([other]), 0), null)
  home.end()
  assert.equal(ask(members, client, 0, new Set([home])), other)
  assert.notEqual(client.cookieFor(other, new Set([home, other]), 0), null)
})

test('a backup keeps its clients only while it is needed', () => {
  const [one, members] = [sticky(), group({}, { isBackup: true }, { isBackup: true })]
  const client = from(one, members, sentBack(setBy(one, members, 2)))
  members[0]!.failed(0)
  for (let i = 0; i < 3; i++) assert.equal(ask(members, client, 1), members[2])
  members[0]!.succeeded(2)
  assert.equal(ask(members, client, 3), members[0])
  assert.notEqual(client.cookieFor(members[0]!, NOBODY, 3), null)
})
