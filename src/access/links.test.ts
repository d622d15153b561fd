import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { parseSecureLink, verifySecureLink } from './secure-link.ts'

const md5 = (text: string) => hash('md5', text, 'base64url')
const verify = (link: string, signed: string) => verifySecureLink(parseSecureLink(link), signed, 1000)

test('a link is right, has expired, or is wrong', () => {
  // The example of nginx's documentation.
  assert.equal(verify('_e4Nc3iduzkWRm01TBBNYw,2147483647', '2147483647/s/link127.0.0.1 secret'), '1')
  assert.equal(verify(md5('x'), 'x'), '1')
  assert.equal(verify(`${md5('x')}==`, 'x'), '1')
  assert.equal(verify(`${md5('x')},1000`, 'x'), '1')
  assert.equal(verify(`${md5('x')},999`, 'x'), '0')
  assert.equal(verify(`${md5('y')},999`, 'x'), '')
})

test('what is no link is wrong', () => {
  const digest = md5('x')
  for (const text of [
    '',
    ',',
    digest.slice(1),
    `${digest}a`,
    `${digest},`,
    `${digest},0`,
    `${digest},-1`,
    `${digest},1e9`,
  ])
    assert.equal(verify(text, 'x'), '', text)
  for (const text of [
    `${digest},99999999999999999999`,
    `${digest}==x`,
    `!${digest.slice(1)}`,
    digest.replace(/.$/, '+'),
  ])
    assert.equal(verify(text, 'x'), '', text)
})
