/** Which ciphers the OpenSSL of this Node knows. `node:tls` is loaded when somebody asks, so never without a list of ciphers. */
import type { createSecureContext, getCiphers } from 'node:tls'
import { closest } from '../../base/closest.ts'

/** OpenSSL leaves unknown names out of a list without a word, so each is asked for alone. */
interface Tls {
  readonly createSecureContext: typeof createSecureContext
  readonly getCiphers: typeof getCiphers
}

/** Of TLS 1.3: no list of OpenSSL's has them, unless it names them. */
const OF_TLS_1_3 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']
/** No encryption; no certificate, so anybody may be the server. */
const NEVER = ['!aNULL', '!eNULL']

const OPENSSL = `OpenSSL ${process.versions.openssl}`

/** `list`: names with colons between them. What Node takes, or why it does not: a phrase that follows a setting's name. */
export function completeCiphers(list: string): { readonly ciphers: string } | { readonly problem: string } {
  const tls = process.getBuiltinModule('node:tls')
  const words = list.split(':')
  const newer = words.filter(isOfTls13)
  const older = words.filter(word => !isOfTls13(word))
  for (const word of words) {
    const problem = whyUnknown(word, tls)
    if (problem !== null) return { problem }
  }
  // A list that names none of TLS 1.3 would switch it off.
  const complete = [...(newer.length > 0 ? newer : OF_TLS_1_3), ...older, ...(older.length > 0 ? NEVER : [])].join(':')
  const refused = refusal(complete, tls)
  if (refused !== null)
    return { problem: `has no cipher with encryption and certificates: add one (${OPENSSL} says: ${refused})` }
  return { ciphers: complete }
}

/** No cipher of TLS 1.2 is in the list. */
export function isForTls13Only(list: string): boolean {
  return list.split(':').every(isOfTls13)
}

function isOfTls13(word: string): boolean {
  return word.startsWith('TLS_')
}

function whyUnknown(word: string, tls: Tls): string | null {
  // What is taken out need not be there: `!RC4`, `-DES`, `+SHA`.
  if (/^[!+-]/.test(word)) return null
  if (word.startsWith('@'))
    return refusal(`HIGH:${word}`, tls) === null ? null : `has ${word}, which ${OPENSSL} does not know: leave it out`
  const known = tls.getCiphers().map(name => name.toUpperCase())
  if (isOfTls13(word) ? known.includes(word) : refusal(word, tls) === null) return null
  const near = closest(word.toUpperCase(), known)
  const hint = near === null ? ': leave it out' : ` (did you mean ${near}?)`
  return `has ${word}, which ${OPENSSL} does not know${hint}`
}

function refusal(ciphers: string, tls: Tls): string | null {
  try {
    tls.createSecureContext({ ciphers })
    return null
  } catch (error) {
    return (error as Error).message.split(':').at(-1)!
  }
}
