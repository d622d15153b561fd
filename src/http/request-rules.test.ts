/** Each rule by itself; together with the syntax of HTTP/1.1 they are in test/golden/http1. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from './errors.ts'
import {
  checkContentLength,
  checkExpect,
  checkFieldName,
  checkFieldValue,
  checkHost,
  checkIsImplemented,
  checkMethod,
  FieldKind,
  fieldKind,
  mayBeTrailer,
} from './request-rules.ts'

/** The status of the refusal; 0: allowed. */
function refusal(check: () => unknown): number {
  try {
    check()
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error))
    return error.status
  }
  return 0
}

test('a name with an underscore is dropped, whatever it means with dashes (smuggling past CGI)', () => {
  for (const name of ['x_forwarded_for', 'content_length', '_', 'transfer_encoding'])
    assert.equal(fieldKind(name), FieldKind.DROPPED)
  assert.equal(fieldKind('x-forwarded-for'), FieldKind.ORDINARY)
  assert.equal(fieldKind('content-length'), FieldKind.CONTENT_LENGTH)
  assert.equal(fieldKind('constructor'), FieldKind.ORDINARY)
})

test('names are tokens, values have no control character but TAB (RFC9110§5)', () => {
  for (const [name, status] of [
    ['x-a', 0],
    ['x a', 400],
    ['x:', 400],
    ['', 400],
    ['é', 400],
  ] as const)
    assert.equal(
      refusal(() => checkFieldName(name)),
      status,
      name,
    )
  for (const [value, status] of [
    ['', 0],
    ['a\tb\xff', 0],
    ['a\0', 400],
    ['a\r\nb: c', 400],
    ['a\x7f', 400],
    ['Ā', 400],
  ] as const)
    assert.equal(
      refusal(() => checkFieldValue(value)),
      status,
      JSON.stringify(value),
    )
})

test('methods: any token, but CONNECT is not implemented', () => {
  assert.equal(
    refusal(() => checkMethod('PURGE')),
    0,
  )
  assert.equal(
    refusal(() => checkMethod('G T')),
    400,
  )
  assert.equal(
    refusal(() => checkIsImplemented('PURGE')),
    0,
  )
  assert.equal(
    refusal(() => checkIsImplemented('CONNECT')),
    501,
  )
})

test('Host: one, well-formed, and where the version asks for it (RFC9112§3.2)', () => {
  assert.equal(
    refusal(() => checkHost('a.org', 1, true)),
    0,
  )
  assert.equal(
    refusal(() => checkHost('', 0, false)),
    0,
  )
  assert.equal(
    refusal(() => checkHost('', 0, true)),
    400,
  )
  assert.equal(
    refusal(() => checkHost('a.org', 2, true)),
    400,
  )
  assert.equal(
    refusal(() => checkHost('a,b', 1, false)),
    400,
  )
})

test('Content-Length: one number that every implementation reads alike (smuggling)', () => {
  assert.equal(checkContentLength(['0']), 0)
  assert.equal(checkContentLength(['007']), 7)
  assert.equal(checkContentLength([String(Number.MAX_SAFE_INTEGER)]), Number.MAX_SAFE_INTEGER)
  for (const values of [['1', '1'], ['1', '2'], ['1,1'], [''], ['+1'], ['0x1'], ['1 '], ['-1'], ['1.0'], ['1e3']])
    assert.equal(
      refusal(() => checkContentLength(values)),
      400,
      values.join(' and '),
    )
  for (const value of ['9007199254740992', '18446744073709551617', `${'0'.repeat(19)}1`])
    assert.equal(
      refusal(() => checkContentLength([value])),
      413,
      value,
    )
})

test('Expect: 100-continue and nothing else (RFC9110§10.1.1)', () => {
  assert.equal(
    refusal(() => checkExpect('100-continue')),
    0,
  )
  assert.equal(
    refusal(() => checkExpect('100-continue,100-continue')),
    417,
  )
  assert.equal(
    refusal(() => checkExpect('')),
    417,
  )
})

test('a trailer must not change how the request was understood (RFC9110§6.5.1)', () => {
  for (const name of ['host', 'content-length', 'transfer-encoding', 'cookie', 'content-type', 'x_y', 'expect'])
    assert.equal(mayBeTrailer(name, fieldKind(name)), false, name)
  assert.ok(mayBeTrailer('x-checksum', fieldKind('x-checksum')))
})
