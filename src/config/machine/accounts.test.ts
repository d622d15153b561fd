import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findAccount, findLine, parseGroup, parseUser } from './accounts.ts'

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\n33:x:1033:1::/:\nwww-data:x:33:34::/var/www:/bin/false\nbroken\n'

test('an account is found by its name, then by its number', () => {
  assert.deepEqual(parseUser(findLine(PASSWD, 'www-data')!), { name: 'www-data', uid: 33, gid: 34 })
  assert.equal(parseUser(findLine(PASSWD, '33')!)?.uid, 1033)
  assert.equal(parseUser(findLine(PASSWD, '0')!)?.name, 'root')
  for (const key of ['', 'www', 'broken', '34']) assert.equal(findLine(PASSWD, key), null, key)
})

test('a malformed line is no account', () => {
  for (const line of ['', 'a:x', 'a:x:b:c', '+::::']) {
    assert.equal(parseUser(line), null)
    assert.equal(parseGroup(line), null)
  }
})

test('this machine knows root, and no user with an impossible name', () => {
  assert.equal(parseUser(findAccount('passwd', 'root')!)?.uid, 0)
  assert.equal(findAccount('group', 'no such group'), null)
})
