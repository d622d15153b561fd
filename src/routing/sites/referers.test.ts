import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isValidReferer } from './referers.ts'

test('a referer is known by its host, the beginning of its path, or a pattern', () => {
  const hosts = [
    { kind: 'exact', name: 'a.kr', path: '' },
    { kind: 'suffix', name: '.b.kr', path: '' },
    { kind: 'prefix', name: 'c.', path: '/in/' },
  ] as const
  const isValid = (referer: string | undefined, none = false, blocked = false) =>
    isValidReferer({ none, blocked, hosts }, referer, url => /google/.test(url))
  for (const right of [
    'http://a.kr',
    'https://A.kr:8080/x',
    'HTTP://x.b.kr/',
    'http://c.x/in/y',
    'http://www.google.com/',
  ])
    assert.equal(isValid(right), true, right)
  for (const wrong of [
    'http://aa.kr',
    'http://a.kr.evil.kr/',
    'http://b.kr/',
    'http://c.x/',
    'http://evil.kr/a.kr',
    'ftp://a.kr',
  ])
    assert.equal(isValid(wrong), false, wrong)
  assert.equal(isValid(undefined), false)
  assert.equal(isValid(undefined, true), true)
  assert.equal(isValid('a.kr', false, true), true)
  assert.equal(isValid('http://evil.kr', true, true), false)
})
