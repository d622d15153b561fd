/**
 * SHA-crypt: `$5$` (SHA-256) and `$6$` (SHA-512), what Linux has had in /etc/shadow for long, and `openssl passwd -6` makes. Pure.
 * Described in "Unix crypt using SHA-256 and SHA-512" (Drepper, 2008).
 */
import { hash } from 'node:crypto'
import { crypt64 } from './crypt64.ts'

export type ShaBits = 256 | 512

const LENGTH = { 256: 32, 512: 64 } as const
const ORDER = { 256: orderOf(10, 30, -1), 512: orderOf(21, 63, 1) } as const
const REST = { 256: [31, 30], 512: [63] } as const

/** Bytes three at a time, each group with its bytes turned by one against the group before. */
function orderOf(third: number, end: number, turn: 1 | -1): readonly number[] {
  const order: number[] = []
  for (let i = 0; i < end / 3; i++) {
    const group = [i, i + third, i + 2 * third]
    for (let j = 0; j < 3; j++) order.push(group[(j + turn * i + 3 * end) % 3]!)
  }
  return order
}

/** The part of the hash behind the salt. `salt`: up to 16 characters. */
export function shaCrypt(password: Buffer, salt: string, rounds: number, bits: ShaBits): string {
  const digestOf = (parts: readonly Buffer[]) => hash(`sha${bits}`, Buffer.concat(parts), 'buffer')
  const length = LENGTH[bits]
  const salted = Buffer.from(salt, 'latin1')
  const inner = digestOf([password, salted, password])
  const first = [password, salted, repeated(inner, password.length)]
  for (let left = password.length; left > 0; left >>= 1) first.push((left & 1) === 1 ? inner : password)
  let digest = digestOf(first)
  const p = repeated(digestOf(Array<Buffer>(password.length).fill(password)), password.length)
  const s = repeated(digestOf(Array<Buffer>(16 + digest[0]!).fill(salted)), salted.length)
  for (let round = 0; round < rounds; round++) {
    const isOdd = (round & 1) === 1
    const parts = [isOdd ? p : digest]
    if (round % 3 !== 0) parts.push(s)
    if (round % 7 !== 0) parts.push(p)
    parts.push(isOdd ? digest : p)
    digest = digestOf(parts)
  }
  return crypt64(digest.subarray(0, length), ORDER[bits]) + crypt64(digest, REST[bits])
}

/** `bytes` again and again, cut to this length. */
function repeated(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes)
}
