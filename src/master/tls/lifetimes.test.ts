/** Bytes of strangers: responses and lists that are cut, or were changed, end in no exception. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Authority } from '../../../test/support/certificates.ts'
import { revocationListsIn } from '../../base/pem.ts'
import { endOfList, readOcsp } from './lifetimes.ts'

const DAY_MS = 24 * 3600_000
const authority = new Authority()
const site = authority.issue({ names: ['a.example'] })
const response = readFileSync(authority.ocspResponse(site, 5))
const [list] = revocationListsIn(readFileSync(authority.revocationList(), 'latin1')) as [Buffer]

function daysUntil(end: number): number {
  return Math.round((end - Date.now()) / DAY_MS)
}

test('what a response and a list of OpenSSL say', () => {
  const answer = readOcsp(response, site.serial)
  assert.ok(answer !== null && typeof answer === 'object')
  assert.equal(answer.isRevoked, false)
  assert.deepEqual([daysUntil(answer.until!), daysUntil(endOfList(list)!)], [5, 3650])
  assert.equal(readOcsp(response, '1234'), 'other')
  // RFC6960§4.2.1: unauthorized.
  assert.equal(readOcsp(Buffer.from([0x30, 3, 0x0a, 1, 6]), site.serial), 'failed')
})

test('bytes that were cut or changed are refused or read, and nothing else happens', () => {
  for (const [bytes, read] of [
    [response, (changed: Buffer) => readOcsp(changed, site.serial)],
    [list, endOfList],
  ] as const)
    for (let at = 0; at < bytes.length; at++) {
      assert.equal(read(bytes.subarray(0, at)), null)
      for (const value of [0, 0x30, 0x7f, 0x80, 0x84, 0xff]) {
        const changed = Buffer.from(bytes)
        changed[at] = value
        assert.doesNotThrow(() => read(changed))
      }
    }
})
