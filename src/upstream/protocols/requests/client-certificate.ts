/** The certificate of a client, as a web server in front of us tells it: `SSL_CLIENT_…`, as mod_ssl names them. Pure. */
import { FrontServerError } from '../../../http/errors.ts'
import type { ClientCertificate, TlsFacts } from '../../../http/tls-facts.ts'

const VERIFY = 'SSL_CLIENT_VERIFY'
const PEM = /^-----BEGIN(?: |%20)CERTIFICATE-----/

/**
 * `variables`: `[name, value, …]`, a character for each byte. Null: the server in front says nothing of one. Where it does not name the version of
 * TLS (SSL_PROTOCOL), the older one is told.
 */
export function certificateOf(variables: readonly string[], protocol: string, cipher: string): TlsFacts | null {
  const values = new Map<string, string>()
  for (let i = 0; i < variables.length; i += 2) {
    const [name, value] = [variables[i]!, variables[i + 1]!]
    if (values.has(name)) throw bad(`${name} is given more than once`)
    if (value.includes('\0')) throw bad(`${name} has a NUL`)
    values.set(name, value)
  }
  const verdict = values.get(VERIFY)
  if (verdict === undefined || verdict === '') return null
  const verify = verifyOf(verdict)
  values.delete(VERIFY)
  const pem = verify === 'NONE' ? '' : pemOf(values.get('SSL_CLIENT_CERT') ?? '')
  return {
    protocol: protocol === 'TLSv1.3' ? protocol : 'TLSv1.2',
    cipher,
    serverName: '',
    alpn: '',
    isResumed: false,
    policy: '',
    client: {
      verify,
      variables: [VERIFY, verdict, ...[...values].flat()],
      pem,
      subject: textOf(values.get('SSL_CLIENT_S_DN') ?? ''),
    },
  }
}

function verifyOf(verdict: string): ClientCertificate['verify'] {
  if (verdict === 'SUCCESS' || verdict === 'NONE') return verdict
  // Apache: there is one, and nobody has verified it.
  if (verdict === 'GENEROUS') return 'FAILED:nobody has verified it'
  if (/^FAILED(?::[\x20-\x7e]*)?$/.test(verdict)) return `FAILED:${verdict.slice('FAILED:'.length)}`
  throw bad(`${VERIFY} is neither SUCCESS, NONE nor FAILED`)
}

/** nginx has a tab before each line but the first ($ssl_client_cert), or all of it percent-encoded ($ssl_client_escaped_cert). */
function pemOf(text: string): string {
  if (!PEM.test(text)) return ''
  return text
    .replaceAll('\n\t', '\n')
    .replace(/%[0-9A-Fa-f]{2}/g, one => String.fromCharCode(Number.parseInt(one.slice(1), 16)))
}

function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

function bad(message: string): FrontServerError {
  return new FrontServerError(message, 'RFC3875§4.1')
}
