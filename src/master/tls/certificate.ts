/**
 * Checks a certificate with its chain and its key, before anything is served with them. Pure: contents and the time in, findings out. Runs
 * in the master and in the command line (`--check`).
 *
 * Not here: reading files (`entry.ts`), what OpenSSL says of the whole (`entry.ts` asks it last).
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { getCACertificates } from 'node:tls'
import { certificatesIn } from '../../base/pem.ts'
import type { FileFindings } from './findings.ts'

const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m
/** DER begins with a SEQUENCE. */
const DER = 0x30
const LEAST_RSA_BITS = 2048
const WEAK_SIGNATURE = /md5|sha1/i

/** The certificates of a file. Null: there is none, and `findings` says why. */
export function readChain(content: Buffer, findings: FileFindings): readonly X509Certificate[] | null {
  if (content[0] === DER)
    return findings.problem('it is DER, and must be PEM: openssl x509 -inform der -in FILE -out FILE.pem')
  const found = certificatesIn(content.toString('latin1'))
  if (found.length === 0) return findings.problem('it has no certificate (-----BEGIN CERTIFICATE-----)')
  try {
    return found.map(pem => new X509Certificate(pem))
  } catch (error) {
    return findings.problem(`a certificate in it cannot be read: ${(error as Error).message}`)
  }
}

/** `password`: null: none was given. */
export function readKey(content: Buffer, password: string | null, findings: FileFindings): KeyObject | null {
  if (content[0] === DER)
    return findings.problem('it is DER, and must be PEM: openssl pkey -inform der -in FILE -out FILE.pem')
  const isEncrypted = ENCRYPTED.test(content.toString('latin1'))
  if (isEncrypted && password === null)
    return findings.problem('it is encrypted: name the file with its password (tls-key-password-file)')
  try {
    return createPrivateKey({ key: content, ...(password === null ? {} : { passphrase: password }) })
  } catch {
    // What OpenSSL says of it may quote it.
    if (isEncrypted) return findings.problem('its password is wrong (tls-key-password-file)')
    return findings.problem('it has no private key (-----BEGIN PRIVATE KEY-----)')
  }
}

/** `chain`: the leaf first. `now`: milliseconds since 1970; null: its dates do not matter. `keyFindings`: of the key's file. */
export function checkCertificate(
  chain: readonly X509Certificate[],
  key: KeyObject,
  now: number | null,
  findings: FileFindings,
  keyFindings: FileFindings,
): void {
  const [leaf] = chain as [X509Certificate]
  if (!isKeyOf(leaf, key)) {
    const place = chain.findIndex(one => isKeyOf(one, key))
    if (place > 0)
      findings.problem(
        `its own certificate must come first, before those of the authorities; it is number ${place + 1}`,
      )
    else keyFindings.problem(`it is the key of another certificate than that of ${nameOf(leaf)}`)
    return
  }
  if (now !== null) {
    checkDates(leaf, now, findings)
    warnOfOldIssuers(chain, now, findings)
  }
  checkStrength(leaf, key, findings, keyFindings)
  checkChain(chain, findings)
}

function checkDates(leaf: X509Certificate, now: number, findings: FileFindings): void {
  const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)]
  if (now > to) findings.problem(`it has expired: it was valid until ${dayOf(to)}`)
  if (now < from)
    findings.problem(`it is not valid yet: it begins on ${dayOf(from)}. Is the clock of this machine right?`)
}

/** No error: some authorities send one on purpose, for old clients. */
function warnOfOldIssuers(chain: readonly X509Certificate[], now: number, findings: FileFindings): void {
  for (const [index, one] of chain.entries()) {
    const to = Date.parse(one.validTo)
    if (index > 0 && now > to)
      findings.warn(`number ${index + 1} of its certificates (${nameOf(one)}) was valid until ${dayOf(to)}`)
  }
}

function checkStrength(leaf: X509Certificate, key: KeyObject, findings: FileFindings, keyFindings: FileFindings): void {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? LEAST_RSA_BITS
  if (bits < LEAST_RSA_BITS)
    keyFindings.problem(`it is weak: RSA with ${bits} bits, and clients want ${LEAST_RSA_BITS} at least`)
  const signature = leaf.signatureAlgorithm ?? ''
  if (WEAK_SIGNATURE.test(signature)) findings.problem(`it is signed with ${signature}, which clients refuse`)
}

function checkChain(chain: readonly X509Certificate[], findings: FileFindings): void {
  for (let i = 1; i < chain.length; i++)
    if (!isIssuedBy(chain[i - 1]!, chain[i]!)) {
      findings.problem(
        `its certificates are in the wrong order, or one is missing: number ${i + 1} (${nameOf(chain[i]!)}) has not issued number ${i} (${nameOf(chain[i - 1]!)})`,
      )
      return
    }
  const last = chain.at(-1)!
  if (isIssuedBy(last, last)) return
  const missing = `the certificate of ${last.issuer.replaceAll('\n', ', ')}, which has issued ${nameOf(last)}, is not in it`
  // An authority of one's own is known to its clients, and does not say where its certificate is to be had, as public ones do.
  if (isFromPublic(last)) {
    if (!isFromRoot(last, 'bundled'))
      findings.warn(`${missing}: clients that do not have it refuse the connection. Use the file with the full chain`)
  } else if (chain.length === 1 && !isFromRoot(last, 'system'))
    findings.remark(
      `${missing}. That is right if clients trust it as a root. If it is an intermediate, clients refuse the connection: append its certificate to the file`,
    )
}

/** RFC5280§4.2.2.1. */
function isFromPublic({ infoAccess }: X509Certificate): boolean {
  return (infoAccess ?? '').includes('CA Issuers')
}

function isIssuedBy(one: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return one.checkIssued(issuer) && one.verify(issuer.publicKey)
  } catch {
    // A kind of key that OpenSSL does not know.
    return false
  }
}

function isKeyOf(one: X509Certificate, key: KeyObject): boolean {
  try {
    return one.checkPrivateKey(key)
  } catch {
    return false
  }
}

/** bundled: of all browsers, as Node has them. system: of this machine, where a company's own ones are, too. */
type Store = 'bundled' | 'system'

/** By subject. To parse them all takes 5 ms, which is much for a thousand entries. */
const roots = new Map<Store, ReadonlyMap<string, readonly string[]>>()

function isFromRoot(last: X509Certificate, store: Store): boolean {
  let bySubject = roots.get(store)
  if (bySubject === undefined) {
    bySubject = Map.groupBy(getCACertificates(store), pem => new X509Certificate(pem).subject ?? '')
    roots.set(store, bySubject)
  }
  return (bySubject.get(last.issuer) ?? []).some(pem => isIssuedBy(last, new X509Certificate(pem)))
}

/** Lower case: host names and addresses that a certificate is for, by its subjectAltName. */
export function namesOf(leaf: X509Certificate): readonly string[] {
  return (leaf.subjectAltName ?? '')
    .split(', ')
    .flatMap(one => /^(?:DNS|IP Address):(.+)$/.exec(one)?.[1]?.toLowerCase() ?? [])
}

/** Lower case: the common names in the subject that can be a host's. */
export function commonNamesOf({ subject }: X509Certificate): readonly string[] {
  return (subject ?? '')
    .split('\n')
    .flatMap(line => /^CN=((?:\*\.)?[a-z0-9._-]{1,253}|[0-9a-f:]{2,39})$/i.exec(line)?.[1]?.toLowerCase() ?? [])
}

/** For messages. */
export function nameOf(certificate: X509Certificate): string {
  return (
    [...namesOf(certificate), ...commonNamesOf(certificate)][0] ??
    (certificate.subject?.replaceAll('\n', ', ') || 'a certificate without a name')
  )
}

/** `2026-11-30`. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
