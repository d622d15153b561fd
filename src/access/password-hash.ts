/**
 * The forms that a password has in a file of `htpasswd`: which there are, and what each costs at most. Parsed when the configuration is
 * loaded, so a form that nobody can check stops the start with its line. Pure.
 *
 * Not here: whether a password is right (`hashes/verify.ts`).
 */
import type { ShaBits } from './hashes/sha-crypt.ts'

export type PasswordHash =
  /** `{PLAIN}` */
  | { readonly kind: 'plain'; readonly password: string }
  /** `{SHA}`, `{SSHA}`: of the password and the salt. */
  | { readonly kind: 'sha1'; readonly digest: Buffer; readonly salt: Buffer }
  /** `$1$`, `$apr1$` */
  | { readonly kind: 'md5-crypt'; readonly magic: string; readonly salt: string; readonly digest: string }
  /** `$5$`, `$6$` */
  | {
      readonly kind: 'sha-crypt'
      readonly bits: ShaBits
      readonly rounds: number
      readonly salt: string
      readonly digest: string
    }
  /** `$2y$` */
  | { readonly kind: 'bcrypt'; readonly text: string }
  | {
      readonly kind: 'argon2'
      readonly algorithm: 'argon2d' | 'argon2i' | 'argon2id'
      /** KiB. */
      readonly memory: number
      readonly passes: number
      readonly parallelism: number
      readonly salt: Buffer
      readonly digest: Buffer
    }

export type ParsedHash = PasswordHash | { readonly problem: string }

/** A check takes about a second then, and checks wait for one another. */
const MAX_BCRYPT_COST = 14
const MAX_SHA_ROUNDS = 400_000
/** Of SHA-crypt, when a hash does not say how many. */
const DEFAULT_ROUNDS = 5000
/** KiB; and KiB times passes. */
const MAX_ARGON2_MEMORY = 256 * 1024
const MAX_ARGON2_WORK = 1024 * 1024
const MAX_ARGON2_LANES = 16
const MAX_SALT = 64
const MAX_DIGEST = 128

/** A problem is a phrase that follows the user's name: `has a hash of …`. */
export function parsePasswordHash(text: string): ParsedHash {
  if (text.startsWith('{')) return parseScheme(text)
  const [, kind = ''] = /^\$([a-z0-9]+)\$/.exec(text) ?? []
  switch (kind) {
    case '1':
    case 'apr1': {
      const [, salt, digest] = /^\$(?:1|apr1)\$([^$:]{0,8})\$([./0-9A-Za-z]{22})$/.exec(text) ?? []
      return salt === undefined ? CUT : { kind: 'md5-crypt', magic: `$${kind}$`, salt, digest: digest! }
    }
    case '5':
    case '6':
      return parseShaCrypt(text, kind === '5' ? 256 : 512)
    case '2':
    case '2a':
    case '2b':
    case '2x':
    case '2y':
      return parseBcrypt(text, kind)
    case 'argon2d':
    case 'argon2i':
    case 'argon2id':
      return parseArgon2(text, kind)
  }
  if (/^[./0-9A-Za-z]{13}$/.test(text))
    return {
      problem: `has a hash of DES crypt, which looks at eight characters and is found in minutes: ${MAKE_NEW}`,
    }
  const name = { y: 'yescrypt', '7': 'scrypt', gy: 'gost-yescrypt', md5: 'SunMD5' }[kind]
  return { problem: `has ${name === undefined ? 'no hash that is known' : `a hash of ${name}`}: ${MAKE_NEW}` }
}

const MAKE_NEW = 'make a new one with jumak password'
const CUT = { problem: `has a hash that is not whole: ${MAKE_NEW}` } as const

function parseScheme(text: string): ParsedHash {
  const [, scheme = '', rest = ''] = /^\{([A-Za-z0-9]+)\}(.*)$/.exec(text) ?? []
  // As in nginx, these are written in capitals.
  if (scheme === 'PLAIN') return { kind: 'plain', password: rest }
  if (scheme !== 'SHA' && scheme !== 'SSHA') return { problem: `has no hash that is known: ${MAKE_NEW}` }
  const bytes = Buffer.from(rest, 'base64')
  const isWhole = /^[A-Za-z0-9+/]+={0,2}$/.test(rest) && bytes.length >= 20 && bytes.length <= 20 + MAX_SALT
  if (!isWhole || (scheme === 'SHA' && bytes.length !== 20)) return CUT
  return { kind: 'sha1', digest: bytes.subarray(0, 20), salt: bytes.subarray(20) }
}

function parseShaCrypt(text: string, bits: ShaBits): ParsedHash {
  const [, said, salt, digest] = /^\$[56]\$(?:rounds=(\d{1,10})\$)?([^$:]{0,16})\$([./0-9A-Za-z]+)$/.exec(text) ?? []
  if (salt === undefined || digest!.length !== (bits === 256 ? 43 : 86)) return CUT
  const rounds = Math.max(1000, Number(said ?? DEFAULT_ROUNDS))
  if (rounds > MAX_SHA_ROUNDS)
    return { problem: `has a hash of ${rounds} rounds, and ${MAX_SHA_ROUNDS} are possible: others would wait for it` }
  return { kind: 'sha-crypt', bits, rounds, salt, digest: digest! }
}

function parseBcrypt(text: string, kind: string): ParsedHash {
  if (kind === '2' || kind === '2x')
    return { problem: `has a hash of an early bcrypt ($${kind}$), which was wrong: ${MAKE_NEW}` }
  const [, cost] = /^\$2[aby]\$(\d\d)\$[./0-9A-Za-z]{53}$/.exec(text) ?? []
  if (cost === undefined || Number(cost) < 4) return CUT
  if (Number(cost) > MAX_BCRYPT_COST)
    return {
      problem: `has a hash of bcrypt with cost ${cost}, and ${MAX_BCRYPT_COST} is possible: others would wait for it`,
    }
  return { kind: 'bcrypt', text }
}

function parseArgon2(text: string, algorithm: 'argon2d' | 'argon2i' | 'argon2id'): ParsedHash {
  const [, version, m = '', t = '', p = '', salted, digested] =
    /^\$argon2(?:id?|d)\$v=(\d+)\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(
      text,
    ) ?? []
  if (salted === undefined) return CUT
  if (version !== '19') return { problem: `has a hash of Argon2 version ${version}, and 19 is known: ${MAKE_NEW}` }
  const [memory, passes, parallelism] = [Number(m), Number(t), Number(p)]
  const [salt, digest] = [Buffer.from(salted, 'base64'), Buffer.from(digested!, 'base64')]
  const isWhole =
    parallelism >= 1 &&
    passes >= 1 &&
    memory >= 8 * parallelism &&
    salt.length >= 8 &&
    salt.length <= MAX_SALT &&
    digest.length >= 4 &&
    digest.length <= MAX_DIGEST
  if (!isWhole) return CUT
  if (memory > MAX_ARGON2_MEMORY || memory * passes > MAX_ARGON2_WORK || parallelism > MAX_ARGON2_LANES)
    return {
      problem: `has a hash of Argon2 with m=${m},t=${t},p=${p}, and m=${MAX_ARGON2_MEMORY}, m times t of ${MAX_ARGON2_WORK} and p=${MAX_ARGON2_LANES} are possible: others would wait for it`,
    }
  return { kind: 'argon2', algorithm, memory, passes, parallelism, salt, digest }
}
