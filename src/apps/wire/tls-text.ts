/**
 * What the head of a request says of its TLS connection, for both wires. Runs in the gateway. It is computed once for a connection: each
 * connection has one `TlsFacts`.
 */
import type { TlsFacts } from '../../http/tls-facts.ts'

export interface TlsVariables {
  /** Joined by NUL, with a NUL in front. */
  readonly names: string
  /** A NUL behind each. */
  readonly values: string
}

const variables = new WeakMap<TlsFacts, TlsVariables>()

/** For the environ of WSGI, where clients are asked for a certificate. Null: they are not, and most applications do not care. */
export function tlsVariables(facts: TlsFacts): TlsVariables | null {
  const { client } = facts
  if (client === null) return null
  let made = variables.get(facts)
  if (made === undefined) {
    const all = ['SSL_PROTOCOL', facts.protocol, 'SSL_CIPHER', facts.cipher, ...client.variables]
    const [names, values] = [0, 1].map(odd => all.filter((_, i) => i % 2 === odd)) as [string[], string[]]
    made = { names: `\0${names.join('\0')}`, values: `${values.join('\0')}\0` }
    variables.set(facts, made)
  }
  return made
}

const VERSIONS = { 'TLSv1.2': '0303', 'TLSv1.3': '0304' } as const

/** OpenSSL's names of all ciphers that need no shared secret → number in IANA's registry, hexadecimal. */
const SUITES: ReadonlyMap<string, string> = new Map([
  ['TLS_AES_128_CCM_8_SHA256', '1305'],
  ['TLS_AES_128_CCM_SHA256', '1304'],
  ['TLS_AES_128_GCM_SHA256', '1301'],
  ['TLS_AES_256_GCM_SHA384', '1302'],
  ['TLS_CHACHA20_POLY1305_SHA256', '1303'],
  ['AES128-GCM-SHA256', '009c'],
  ['AES128-SHA', '002f'],
  ['AES128-SHA256', '003c'],
  ['AES256-GCM-SHA384', '009d'],
  ['AES256-SHA', '0035'],
  ['AES256-SHA256', '003d'],
  ['DHE-RSA-AES128-GCM-SHA256', '009e'],
  ['DHE-RSA-AES128-SHA', '0033'],
  ['DHE-RSA-AES128-SHA256', '0067'],
  ['DHE-RSA-AES256-GCM-SHA384', '009f'],
  ['DHE-RSA-AES256-SHA', '0039'],
  ['DHE-RSA-AES256-SHA256', '006b'],
  ['DHE-RSA-CHACHA20-POLY1305', 'ccaa'],
  ['ECDHE-ECDSA-AES128-GCM-SHA256', 'c02b'],
  ['ECDHE-ECDSA-AES128-SHA', 'c009'],
  ['ECDHE-ECDSA-AES128-SHA256', 'c023'],
  ['ECDHE-ECDSA-AES256-GCM-SHA384', 'c02c'],
  ['ECDHE-ECDSA-AES256-SHA', 'c00a'],
  ['ECDHE-ECDSA-AES256-SHA384', 'c024'],
  ['ECDHE-ECDSA-CHACHA20-POLY1305', 'cca9'],
  ['ECDHE-RSA-AES128-GCM-SHA256', 'c02f'],
  ['ECDHE-RSA-AES128-SHA', 'c013'],
  ['ECDHE-RSA-AES128-SHA256', 'c027'],
  ['ECDHE-RSA-AES256-GCM-SHA384', 'c030'],
  ['ECDHE-RSA-AES256-SHA', 'c014'],
  ['ECDHE-RSA-AES256-SHA384', 'c028'],
  ['ECDHE-RSA-CHACHA20-POLY1305', 'cca8'],
])

/** Behind the scheme in the connection's text of an ASGI scope, as in `;0304;1301`: version and cipher suite (RFC8446§B.4), hexadecimal. */
export function tlsNumbers({ protocol, cipher }: TlsFacts): string {
  return `;${VERSIONS[protocol]};${SUITES.get(cipher) ?? ''}`
}
