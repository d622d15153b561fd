/**
 * Whether a password is the one of a hash. Takes up to a second, so it runs in a thread of its own (`hash-thread.ts`), never on an event loop
 * that serves. Digests are compared in constant time.
 */
import { argon2Sync, hash as digestOf, timingSafeEqual } from 'node:crypto'
import { compareSync } from 'bcryptjs'
import type { PasswordHash } from '../password-hash.ts'
import { md5Crypt } from './md5-crypt.ts'
import { shaCrypt } from './sha-crypt.ts'

/** `password`: as the client sent it, without a NUL. */
export function isPassword(password: Buffer, hash: PasswordHash): boolean {
  switch (hash.kind) {
    case 'plain':
      // The digests have one length, whatever the passwords have.
      return isSame(sha256(password), sha256(Buffer.from(hash.password, 'latin1')))
    case 'sha1':
      return isSame(digestOf('sha1', Buffer.concat([password, hash.salt]), 'buffer'), hash.digest)
    case 'md5-crypt':
      return isSame(text(md5Crypt(password, hash.salt, hash.magic)), text(hash.digest))
    case 'sha-crypt':
      return isSame(text(shaCrypt(password, hash.salt, hash.rounds, hash.bits)), text(hash.digest))
    case 'bcrypt':
      return compareSync(characters(password), hash.text)
    case 'argon2': {
      const { algorithm, memory, passes, parallelism, salt, digest } = hash
      const tagLength = digest.length
      const made = argon2Sync(algorithm, { message: password, nonce: salt, parallelism, tagLength, memory, passes })
      return isSame(made, digest)
    }
  }
}

function sha256(bytes: Buffer): Buffer {
  return digestOf('sha256', bytes, 'buffer')
}

function text(ascii: string): Buffer {
  return Buffer.from(ascii, 'latin1')
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** bcrypt takes text, and hashes its UTF-8. What is no UTF-8 is Latin-1, as old clients send it (RFC7617§2.1). */
function characters(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}
