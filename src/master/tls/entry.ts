/**
 * One entry of TLS, from its files to what the gateway gets. Runs in the master, with the rights that it was started with, and in the command
 * line (`--check`).
 *
 * Invariant: an entry is made of files that fit together, or not at all.
 */
import { createHash, type KeyObject, type X509Certificate } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { revocationListsIn } from '../../base/pem.ts'
import type { TlsCertificate, TlsClients, TlsEntry } from '../../config/types.ts'
import type { GatewayCertificate, GatewayClientCertificates, GatewayTlsEntry } from '../../control/tls-messages.ts'
import { checkCertificate, commonNamesOf, dayOf, namesOf, readChain, readKey } from './certificate.ts'
import { FileFindings, type Findings, listed } from './findings.ts'
import { endOfList, readOcsp } from './lifetimes.ts'

/** Bytes. A bundle of all public authorities has 250 KB. */
const MAX_FILE = 4 * 1024 * 1024
const READABLE_BY_OTHERS = 0o004

/** For browsers of the last eight years: forward secrecy and authenticated encryption only. AES with 128 bits first, which costs least. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** What was made of an entry, with what people want to know of it. */
export interface ReadEntry {
  readonly gateway: GatewayTlsEntry
  /** Leaf certificates. */
  readonly leaves: readonly X509Certificate[]
  /** What else ends, later than now. */
  readonly ends: readonly End[]
}

/** The end of an OCSP response or of a revocation list. */
export interface End {
  /** Milliseconds since 1970. */
  readonly at: number
  /** For the log, from then on. */
  readonly message: string
}

/**
 * Null: `findings` has problems. `now`: milliseconds since 1970. `inForce`: fingerprints of leaves that are served now: their dates do not
 * matter, because to refuse them would change nothing but what comes with them.
 */
export function readEntry(
  entry: TlsEntry,
  now: number,
  findings: Findings,
  inForce: ReadonlySet<string> = new Set(),
): ReadEntry | null {
  const before = findings.problems.length
  const password = readPassword(entry, findings)
  const moment: Moment = { now, inForce }
  const read = entry.certificates.map(files => readCertificate(entry, files, password, moment, findings))
  const clients = entry.clients === null ? null : readClients(entry, entry.clients, now, findings)
  const certificates = read.flatMap(one => one ?? [])
  refuseSameType(entry, certificates, findings)
  if (findings.problems.length > before) return null
  const names = namesFor(entry, certificates, findings)
  const gateway: GatewayTlsEntry = {
    ...withPolicy(entry, clients?.rules ?? null),
    names,
    isDefault: entry.isDefault,
    certificates: certificates.map(({ gateway }) => gateway),
  }
  warnOfNames(entry, certificates, findings)
  askOpenSsl(entry, gateway, findings)
  if (findings.problems.length > before) return null
  const ends = [...certificates.flatMap(({ staple }) => staple ?? []), ...(clients?.ends ?? [])]
  return { gateway, leaves: certificates.map(({ leaf }) => leaf), ends: ends.filter(({ at }) => at > now) }
}

/** Those that were given, or those in the certificates. An old certificate has only a common name: it is served as gunicorn serves it. */
function namesFor(entry: TlsEntry, made: readonly Made[], findings: Findings): readonly string[] {
  const names = new Set(entry.names)
  for (const [index, { leaf }] of made.entries()) {
    const own = findingsOf(entry, 'cert', entry.certificates[index]!.certificate, findings)
    const [alternative, common] = [namesOf(leaf), commonNamesOf(leaf)]
    if (alternative.length === 0)
      own.warn('it is for no host: its subjectAltName is empty, and browsers and most other clients look only there')
    if (entry.names.length === 0) for (const name of alternative.length > 0 ? alternative : common) names.add(name)
  }
  if (names.size === 0 && !entry.isDefault)
    findings.problems.push(
      `${entry.origin}: nobody would get its certificate, which has no name: give names, or default = true`,
    )
  return [...names]
}

type Rules = Pick<GatewayTlsEntry, 'minVersion' | 'ciphers' | 'clients' | 'policy'>

export function withPolicy(
  { minVersion, ciphers }: Pick<TlsEntry, 'minVersion' | 'ciphers'>,
  clients: GatewayTlsEntry['clients'] = null,
): Rules {
  const rules = { minVersion, ciphers: ciphers ?? CIPHERS, clients }
  return { ...rules, policy: createHash('sha256').update(JSON.stringify(rules)).digest('hex') }
}

/** `key`: of the setting, as in `[[tls]]`. */
function findingsOf(entry: TlsEntry, key: string, path: string, findings: Findings): FileFindings {
  const setting = entry.origin.includes('[[tls]]') ? `${entry.origin} ${key}` : `tls-${key}`
  return new FileFindings(findings, `${setting} ${path}`)
}

/** Null: `findings` says why. */
function read(path: string, findings: FileFindings, isSecret = false): Buffer | null {
  try {
    // Opening a pipe must not wait for its writer.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stats = fstatSync(fd)
      if (!stats.isFile()) return findings.problem('it is no file (a pipe cannot be read again when it changes)')
      if (stats.size > MAX_FILE) return findings.problem(`it has ${stats.size} bytes, and no certificate is that large`)
      if (isSecret && (stats.mode & READABLE_BY_OTHERS) !== 0)
        findings.warn('every user of this machine may read it: chmod o-r')
      return readFileSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return findings.problem('there is no such file')
    if (code === 'EACCES') return findings.problem('this user may not read it')
    return findings.problem(`it cannot be read (${code})`)
  }
}

function readPassword(entry: TlsEntry, findings: Findings): string | null {
  const { keyPasswordFile: path, keyPassword } = entry
  if (path === null) return keyPassword?.reveal() ?? null
  const content = read(path, findingsOf(entry, 'key-password-file', path, findings), true)
  // An editor adds the end of the line.
  return content?.toString().replace(/\r?\n$/, '') ?? null
}

interface Moment {
  readonly now: number
  readonly inForce: ReadonlySet<string>
}

interface Made {
  readonly leaf: X509Certificate
  readonly key: KeyObject
  readonly gateway: GatewayCertificate
  /** Of its OCSP response; null: it has none, or that does not say. */
  readonly staple: End | null
}

function readCertificate(
  entry: TlsEntry,
  files: TlsCertificate,
  password: string | null,
  { now, inForce }: Moment,
  findings: Findings,
): Made | null {
  const ofChain = findingsOf(entry, 'cert', files.certificate, findings)
  const ofKey = findingsOf(entry, 'key', files.key, findings)
  const [chainContent, keyContent] = [read(files.certificate, ofChain), read(files.key, ofKey, true)]
  const chain = chainContent && readChain(chainContent, ofChain)
  const key = keyContent && readKey(keyContent, password, ofKey)
  if (chain === null || key === null) return null
  const leaf = chain[0]!
  checkCertificate(chain, key, inForce.has(leaf.fingerprint256) ? null : now, ofChain, ofKey)
  const { staple, end } = readStaple(entry, files.staple, leaf, now, findings)
  const pem = key.export({ type: 'pkcs8', format: 'pem' }) as string
  const gateway = { chain: chain.map(String).join(''), key: pem, staple, stapleUntil: end?.at ?? null }
  return { leaf, key, gateway, staple: end }
}

interface Staple {
  /** In base64; empty: none. */
  readonly staple: string
  readonly end: End | null
}

/** One that has ended is read all the same: a new one may come in its place. The gateway does not give it to clients. */
function readStaple(
  entry: TlsEntry,
  path: string | null,
  leaf: X509Certificate,
  now: number,
  findings: Findings,
): Staple {
  if (path === null) return { staple: '', end: null }
  const own = findingsOf(entry, 'staple', path, findings)
  const content = read(path, own)
  const answer = content && readOcsp(content, leaf.serialNumber)
  if (answer === null || answer === 'failed' || answer === 'other') {
    if (answer === 'failed') own.problem('the authority has answered with an error')
    else if (answer === 'other') own.problem('it is about another certificate')
    else if (content !== null) own.problem('it is no OCSP response in DER')
    return { staple: '', end: null }
  }
  if (answer.isRevoked) own.warn('it says that the certificate was revoked: clients refuse the connection')
  const staple = content!.toString('base64')
  if (answer.until === null) return { staple, end: null }
  const text = `its time was over on ${dayOf(answer.until)}, and clients do not get it any more: put a new one in its place`
  if (answer.until <= now) own.warn(text)
  return { staple, end: { at: answer.until, message: own.say(text) } }
}

interface ReadClients {
  readonly rules: GatewayClientCertificates
  /** Of the revocation lists. */
  readonly ends: readonly End[]
}

function readClients(entry: TlsEntry, clients: TlsClients, now: number, findings: Findings): ReadClients | null {
  const ofAuthorities = findingsOf(entry, 'client-ca', clients.authorities, findings)
  const authorities = read(clients.authorities, ofAuthorities)
  if (authorities === null || readChain(authorities, ofAuthorities) === null) return null
  if (clients.revoked === null && authorities.includes('-----BEGIN X509 CRL-----'))
    ofAuthorities.warn('it has a revocation list, which does nothing there: name it as the client-crl, too')
  let revoked = ''
  let ends: readonly End[] = []
  if (clients.revoked !== null) {
    const ofRevoked = findingsOf(entry, 'client-crl', clients.revoked, findings)
    const content = read(clients.revoked, ofRevoked)
    if (content === null) return null
    revoked = content.toString('latin1')
    if (!revoked.includes('-----BEGIN X509 CRL-----'))
      return ofRevoked.problem('it has no revocation list in PEM (-----BEGIN X509 CRL-----)')
    try {
      createSecureContext({ ca: authorities, crl: revoked })
    } catch {
      return ofRevoked.problem('its revocation list cannot be read')
    }
    ends = revocationListsIn(revoked).flatMap(list => endOf(list, now, ofRevoked) ?? [])
  }
  const { isRequired, depth } = clients
  return { rules: { isRequired, authorities: authorities.toString('latin1'), revoked, depth }, ends }
}

/** Warns of a list that has ended: OpenSSL refuses all certificates of its authority. */
function endOf(list: Buffer, now: number, findings: FileFindings): End | null {
  const at = endOfList(list)
  if (at === null) return null
  const text = `the time of a revocation list in it was over on ${dayOf(at)}: all client certificates of its authority are refused until there is a new one`
  if (at <= now) findings.warn(text)
  return { at, message: findings.say(text) }
}

/** OpenSSL keeps one certificate of each type. */
function refuseSameType(entry: TlsEntry, made: readonly Made[], findings: Findings): void {
  const seen = new Set<string>()
  for (const { key } of made) {
    const type = key.asymmetricKeyType ?? ''
    if (seen.has(type))
      findings.problems.push(
        `${entry.origin}: two of its certificates have keys of the same type (${type}): each of them needs an entry [[tls]] of its own`,
      )
    seen.add(type)
  }
}

/** Names that were given, and that a client will not find in the certificate. */
function warnOfNames(entry: TlsEntry, made: readonly Made[], findings: Findings): void {
  for (const [index, { leaf }] of made.entries()) {
    const missing = entry.names.filter(name => leaf.checkHost(name.replace('*', 'any')) === undefined)
    if (missing.length > 0)
      findingsOf(entry, 'cert', entry.certificates[index]!.certificate, findings).warn(
        `it is not for ${listed(missing)}, which names says: clients refuse it there`,
      )
  }
}

function askOpenSsl(entry: TlsEntry, made: GatewayTlsEntry, findings: Findings): void {
  try {
    createSecureContext({
      cert: made.certificates.map(({ chain }) => chain),
      key: made.certificates.map(({ key }) => key),
      ciphers: made.ciphers,
      minVersion: made.minVersion,
      ...(made.clients === null ? {} : { ca: made.clients.authorities }),
    })
  } catch (error) {
    findings.problems.push(`${entry.origin}: OpenSSL refuses it: ${(error as Error).message}`)
  }
}
