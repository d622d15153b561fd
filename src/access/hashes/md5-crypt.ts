/**
 * MD5-crypt (`$1$`), and Apache's form of it (`$apr1$`): what `htpasswd` has made for twenty years. A thousand rounds of MD5 are little
 * today: it is read, and never made here. Pure.
 */
import { hash } from 'node:crypto'
import { crypt64 } from './crypt64.ts'

const ROUNDS = 1000
const ORDER = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5]

/** The part of the hash behind the salt. `magic`: `$1$` or `$apr1$`. `salt`: up to eight characters. */
export function md5Crypt(password: Buffer, salt: string, magic: string): string {
  const salted = Buffer.from(salt, 'latin1')
  const inner = md5([password, salted, password])
  const first: Buffer[] = [password, Buffer.from(magic, 'latin1'), salted]
  for (let left = password.length; left > 0; left -= 16) first.push(inner.subarray(0, Math.min(16, left)))
  for (let bits = password.length; bits > 0; bits >>= 1) first.push((bits & 1) === 1 ? ZERO : password.subarray(0, 1))
  let digest = md5(first)
  for (let round = 0; round < ROUNDS; round++) {
    const isOdd = (round & 1) === 1
    const parts = [isOdd ? password : digest]
    if (round % 3 !== 0) parts.push(salted)
    if (round % 7 !== 0) parts.push(password)
    parts.push(isOdd ? digest : password)
    digest = md5(parts)
  }
  // The last byte stands alone: its two characters are the last.
  return crypt64(digest, ORDER) + crypt64(digest, [11])
}

const ZERO = Buffer.alloc(1)

function md5(parts: readonly Buffer[]): Buffer {
  return hash('md5', Buffer.concat(parts), 'buffer')
}
