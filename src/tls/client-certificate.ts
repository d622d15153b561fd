/**
 * What an application is told about the certificate of its client, in the variables of mod_ssl (`SSL_CLIENT_…`). Runs in the gateway.
 *
 * Invariants: nothing of a certificate is read before somebody asks; then it is read once. Without a certificate the verdict is NONE,
 * whatever OpenSSL says: after a resumed session without one it reports no error. No value has a control character, so none has a NUL.
 * The bound on what a certificate may say is OpenSSL's on its size (100 KiB with its chain), and an authority of ours signed it.
 *
 * Not here: who is asked for a certificate, and what becomes of a client with a wrong one (`gateway/transports/`).
 */
import type { X509Certificate } from 'node:crypto'
import type { ClientCertificate } from '../http/tls-facts.ts'
import { alternativeNames, attributesOf, distinguishedName } from './certificate-names.ts'

const DAY_MS = 86_400_000

/** OpenSSL's names of attributes → mod_ssl's, at the end of `SSL_CLIENT_S_DN_…`. */
const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ['C', 'C'],
  ['ST', 'ST'],
  ['L', 'L'],
  ['O', 'O'],
  ['OU', 'OU'],
  ['CN', 'CN'],
  ['title', 'T'],
  ['initials', 'I'],
  ['GN', 'G'],
  ['SN', 'S'],
  ['description', 'D'],
  ['UID', 'UID'],
  ['emailAddress', 'Email'],
])

/**
 * `certificate`: the client's own (`getPeerX509Certificate()`), also of a resumed session; undefined: there is none.
 * `failure`: why it is not right, in OpenSSL's words, as in `certificate has expired`; null: it is right.
 */
export function clientCertificate(certificate: X509Certificate | undefined, failure: string | null): ClientCertificate {
  return certificate === undefined ? NO_CERTIFICATE : new PeerCertificate(certificate, failure)
}

const NO_CERTIFICATE: ClientCertificate = {
  verify: 'NONE',
  variables: ['SSL_CLIENT_VERIFY', 'NONE'],
  pem: '',
  subject: '',
}

class PeerCertificate implements ClientCertificate {
  readonly verify: ClientCertificate['verify']
  readonly #certificate: X509Certificate
  #variables: readonly string[] | null = null
  #pem: string | null = null
  #subject: string | null = null

  constructor(certificate: X509Certificate, failure: string | null) {
    this.#certificate = certificate
    this.verify = failure === null ? 'SUCCESS' : `FAILED:${failure}`
  }

  get variables(): readonly string[] {
    this.#variables ??= variablesOf(this.#certificate, this, Date.now())
    return this.#variables
  }

  get pem(): string {
    this.#pem ??= this.#certificate.toString()
    return this.#pem
  }

  get subject(): string {
    this.#subject ??= distinguishedName(this.#certificate.subject)
    return this.#subject
  }
}

function variablesOf(certificate: X509Certificate, { verify, pem, subject }: ClientCertificate, now: number): string[] {
  const variables = [
    ...['SSL_CLIENT_VERIFY', bytesOf(verify)],
    ...['SSL_CLIENT_M_SERIAL', certificate.serialNumber],
    ...['SSL_CLIENT_V_START', certificate.validFrom],
    ...['SSL_CLIENT_V_END', certificate.validTo],
    ...['SSL_CLIENT_V_REMAIN', String(daysUntil(certificate.validToDate, now))],
    ...['SSL_CLIENT_S_DN', bytesOf(subject)],
    ...['SSL_CLIENT_I_DN', bytesOf(distinguishedName(certificate.issuer))],
  ]
  addAttributes(variables, 'SSL_CLIENT_S_DN_', certificate.subject)
  addAttributes(variables, 'SSL_CLIENT_I_DN_', certificate.issuer)
  const { email, dns, upn } = alternativeNames(certificate.subjectAltName ?? '')
  for (const [name, values] of [
    ['SSL_CLIENT_SAN_Email_', email],
    ['SSL_CLIENT_SAN_DNS_', dns],
    ['SSL_CLIENT_SAN_OTHER_msUPN_', upn],
  ] as const)
    for (const [i, value] of values.entries()) variables.push(name + i, bytesOf(value))
  variables.push('SSL_CLIENT_CERT', pem)
  return variables
}

/** The first `OU` is `…_OU`, the next `…_OU_1`. */
function addAttributes(variables: string[], prefix: string, name: string): void {
  const seen = new Map<string, number>()
  for (const [type, value] of attributesOf(name)) {
    const end = ATTRIBUTES.get(type)
    if (end === undefined) continue
    const count = seen.get(end) ?? 0
    seen.set(end, count + 1)
    variables.push(`${prefix}${end}${count === 0 ? '' : `_${count}`}`, bytesOf(value))
  }
}

/** Whole days; 0 from the last one on. */
function daysUntil(end: Date, now: number): number {
  return Math.max(0, Math.floor((end.getTime() - now) / DAY_MS))
}

/** The bytes of UTF-8, a latin-1 character for each, as PEP 3333 wants them. A reason of OpenSSL's or a name has no NUL; nor has this. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1').replaceAll('\0', '')
}
