/** A new hash of a password, for a file of passwords. Takes a tenth of a second. Runs in the command line (`jumak password`). */
import { argon2Sync, randomBytes } from 'node:crypto'
import { hashSync } from 'bcryptjs'
import { saltOf } from './crypt64.ts'
import { shaCrypt } from './sha-crypt.ts'

export const HASH_NAMES = ['bcrypt', 'argon2id', 'sha512'] as const
export type HashName = (typeof HASH_NAMES)[number]

/** Advice of 2026 (OWASP's Password Storage Cheat Sheet): what a login may cost, and a thief for each try. */
const BCRYPT_COST = 10
/** KiB. */
const ARGON2_MEMORY = 19 * 1024
const ARGON2_PASSES = 2
const SHA_ROUNDS = 100_000

/** Bytes that bcrypt looks at. */
export const MAX_BCRYPT_PASSWORD = 72

/** `password`: text, not empty. For bcrypt at most MAX_BCRYPT_PASSWORD bytes. */
export function makePasswordHash(password: string, name: HashName): string {
  switch (name) {
    case 'bcrypt':
      // The name that Apache and nginx know it by; it is the same.
      return hashSync(password, BCRYPT_COST).replace(/^\$2b\$/, '$2y$')
    case 'argon2id': {
      const nonce = randomBytes(16)
      const [memory, passes] = [ARGON2_MEMORY, ARGON2_PASSES]
      const digest = argon2Sync('argon2id', { message: password, nonce, parallelism: 1, tagLength: 32, memory, passes })
      return `$argon2id$v=19$m=${memory},t=${passes},p=1$${base64(nonce)}$${base64(digest)}`
    }
    case 'sha512': {
      const salt = saltOf(randomBytes(16), 16)
      return `$6$rounds=${SHA_ROUNDS}$${salt}$${shaCrypt(Buffer.from(password), salt, SHA_ROUNDS, 512)}`
    }
  }
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}
