/**
 * Links that expire, and that nobody can make who has no secret (`secure_link`): a link has an MD5 of its path and a secret. Pure.
 *
 *     /files/report.pdf?md5=_e4Nc3iduzkWRm01TBBNYw&expires=2147483647
 */
import { hash, timingSafeEqual } from 'node:crypto'

/** What a link says: `HASH` or `HASH,EXPIRES`. Null: it has a time that is none. */
export interface SecureLink {
  /** 22 characters of base64url: an MD5. Empty: it is none. */
  readonly hash: string
  /** Seconds since 1970, as it was sent; empty: it does not expire. */
  readonly expires: string
}

export function parseSecureLink(text: string): SecureLink | null {
  const comma = text.indexOf(',')
  const [said, expires] = comma < 0 ? [text, ''] : [text.slice(0, comma), text.slice(comma + 1)]
  if (comma >= 0 && (!/^\d{1,15}$/.test(expires) || Number(expires) === 0)) return null
  // As nginx reads base64: what follows an equals sign is nobody's.
  const [, digest] = /^([A-Za-z0-9_-]{22})(?:=.?)?$/s.exec(said) ?? []
  return { hash: digest ?? '', expires }
}

/** `1`: it is right; `0`: it was, and has expired; empty: it is wrong. `signed`: what the hash must be of, as bytes. `now`: seconds. */
export function verifySecureLink(link: SecureLink | null, signed: string, now: number): '1' | '0' | '' {
  if (link === null || link.hash === '') return ''
  const right = hash('md5', Buffer.from(signed, 'latin1'), 'buffer')
  if (!timingSafeEqual(Buffer.from(link.hash, 'base64url'), right)) return ''
  return link.expires !== '' && Number(link.expires) < now ? '0' : '1'
}
