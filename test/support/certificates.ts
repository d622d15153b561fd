/**
 * Certificates for a test, made by the command `openssl` in a directory that goes with the test's process.
 *
 *     const site = localCertificate()                                  // made once for a test file
 *     const server = await startServer({ app: 'plain', directory: APPS, tls: site })
 *
 *     const authority = new Authority()
 *     const leaf = authority.issue({ names: ['shop.example'], type: 'rsa' })
 *     const below = authority.issueAuthority().issue({ names: ['deep.example'] })      // with an intermediate in the file
 *     const client = authority.issue({ subject: '/O=Jumak/CN=kim', isClient: true })
 *     const old = authority.issue({ names: ['old.example'], until: new Date('2020-01-01') })
 *     authority.revoke(client); const crl = authority.revocationList(); const staple = authority.ocspResponse(leaf)
 *
 * Each certificate takes two short processes (20 ms), an RSA key some 100 ms more. Nothing expires in years unless `until` says so.
 * Not here: certificates that Jumak makes itself (`--tls self-signed`).
 */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsTarget } from './target.ts'

const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS

export interface Certificate {
  /** Path of the PEM: the leaf, then its intermediates; the root only if it was wanted. */
  readonly certificate: string
  /** Path of the PEM of its key, mode 0600. */
  readonly key: string
  /** Path of the PEM of the root that a client has to trust. */
  readonly authority: string
  /** A name that it is for, if it has any. */
  readonly name: string
  /** In hexadecimal digits, as `X509Certificate` has it. */
  readonly serial: string
}

export interface Wanted {
  /** Host names and addresses; the first one is also the subject unless `subject` says another. */
  readonly names?: readonly string[]
  /** As OpenSSL writes it: `/O=Jumak/CN=kim`. */
  readonly subject?: string
  /** ECDSA on P-256 unless it says `rsa`. */
  readonly type?: 'ecdsa' | 'rsa'
  /** Of an RSA key: 2048. */
  readonly bits?: number
  /** An hour ago. */
  readonly from?: Date
  /** In ten years. */
  readonly until?: Date
  /** The key is encrypted with it. */
  readonly password?: string
  /** The root is in the file, too. Without it Jumak warns that an authority is missing that it does not know. */
  readonly hasRoot?: boolean
  /** For clients instead of servers. */
  readonly isClient?: boolean
  /** Further X.509 extensions, as in OpenSSL's configuration: `tlsfeature = status_request`. */
  readonly extensions?: readonly string[]
}

/** Issues certificates, revokes them, and answers OCSP. */
export class Authority {
  /** Path of the PEM of its own certificate. */
  readonly file: string
  readonly #directory: string
  readonly #key: string
  readonly #configuration: string
  readonly #parent: Authority | null
  #issued = 0

  /** A root, unless it has a parent. */
  constructor(name = 'Authority of a Jumak test', parent: Authority | null = null) {
    this.#directory = directoryOfProcess()
    this.#parent = parent
    const file = (of: string) => join(this.#directory, of)
    this.#key = file('authority.key')
    this.#configuration = file('openssl.cnf')
    writeKey(this.#key, makeKey('ecdsa', 0))
    writeFileSync(file('index.txt'), '')
    writeFileSync(file('crlnumber'), '01\n')
    if (parent === null) {
      this.file = file('authority.pem')
      const request = ['-new', '-x509', '-days', '3650', '-key', this.#key, '-subj', `/CN=${name}`, '-out', this.file]
      const extensions = extensionsOf(AUTHORITY)
      writeFileSync(this.#configuration, `[req]\ndistinguished_name = none\n[none]\n[extensions]\n${extensions}`)
      openssl('req', '-config', this.#configuration, '-extensions', 'extensions', ...request)
    } else {
      this.file = parent.#sign(this.#key, `/CN=${name}`, AUTHORITY, {})
    }
    writeFileSync(
      this.#configuration,
      `[ca]
default_ca = own
[own]
certificate = ${this.file}
private_key = ${this.#key}
new_certs_dir = ${this.#directory}
database = ${file('index.txt')}
crlnumber = ${file('crlnumber')}
rand_serial = yes
unique_subject = no
default_md = sha256
default_crl_days = 3650
preserve = yes
policy = any
[any]
${SUBJECT_FIELDS.map(field => `${field} = optional\n`).join('')}[req]
distinguished_name = none
[none]
`,
    )
  }

  /** A client of this machine's port that trusts this authority and asks for a name. */
  target(to: number | string, servername = 'localhost'): TlsTarget {
    return { to, tls: { ca: readFileSync(this.root.file, 'utf8'), servername } }
  }

  get root(): Authority {
    return this.#parent === null ? this : this.#parent.root
  }

  /** An intermediate authority below this one. */
  issueAuthority(name = 'Intermediate of a Jumak test'): Authority {
    return new Authority(name, this)
  }

  issue(wanted: Wanted): Certificate {
    const { names = [], type = 'ecdsa', bits = 2048, password, isClient = false } = wanted
    const key = join(this.#directory, `${++this.#issued}.key`)
    const plain = makeKey(type, bits)
    writeKey(key, plain, password)
    const alternatives = names.map(name => `${/^[\d.]+$|:/.test(name) ? 'IP' : 'DNS'}:${name}`).join(',')
    const extensions = [
      'basicConstraints = critical,CA:FALSE',
      'keyUsage = critical,digitalSignature',
      `extendedKeyUsage = ${isClient ? 'clientAuth' : 'serverAuth'}`,
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = keyid',
      ...(alternatives === '' ? [] : [`subjectAltName = ${alternatives}`]),
      ...(wanted.extensions ?? []),
    ]
    const subject = wanted.subject ?? `/CN=${names[0] ?? 'nobody'}`
    const leaf = this.#sign(key, subject, extensions, wanted)
    const chain = join(this.#directory, `${this.#issued}.chain.pem`)
    const above = [...this.#intermediates(), ...(wanted.hasRoot === true ? [this.root.file] : [])]
    writeFileSync(chain, [leaf, ...above].map(file => readFileSync(file, 'utf8')).join(''))
    const serial = new X509Certificate(readFileSync(leaf)).serialNumber
    return { certificate: chain, key, authority: this.root.file, name: names[0] ?? '', serial }
  }

  /** It is in the next revocation list, and the next OCSP response says so. */
  revoke({ certificate }: Certificate): void {
    openssl('ca', '-config', this.#configuration, '-revoke', certificate)
  }

  /** Path of the PEM of a list of what has been revoked so far. `until`: in ten years. */
  revocationList(until?: Date): string {
    const file = join(this.#directory, `${++this.#issued}.crl.pem`)
    const dates =
      until === undefined
        ? []
        : ['-crl_lastupdate', asn1Time(new Date(until.getTime() - HOUR_MS)), '-crl_nextupdate', asn1Time(until)]
    openssl('ca', '-config', this.#configuration, '-gencrl', '-out', file, ...dates)
    return file
  }

  /** Path of the DER of what this authority says of the certificate, valid for `days`. */
  ocspResponse({ certificate }: Certificate, days = 3650): string {
    const file = join(this.#directory, `${++this.#issued}.ocsp.der`)
    const request = ['-issuer', this.file, '-cert', certificate, '-respout', file, '-ndays', String(days), '-noverify']
    const responder = ['-index', join(this.#directory, 'index.txt'), '-rsigner', this.file, '-rkey', this.#key]
    openssl('ocsp', '-CA', this.file, ...responder, ...request)
    return file
  }

  #intermediates(): string[] {
    return this.#parent === null ? [] : [this.file, ...this.#parent.#intermediates()]
  }

  /** Returns the path of the PEM of one certificate. */
  #sign(key: string, subject: string, extensions: readonly string[], { from, until, password }: Wanted): string {
    const file = (of: string) => join(this.#directory, `${this.#issued}.${of}`)
    this.#issued++
    const secret = password === undefined ? [] : ['-passin', `pass:${password}`]
    const request = ['-key', key, ...secret, '-subj', subject, '-utf8', '-out', file('csr')]
    openssl('req', '-new', '-config', this.#configuration, ...request)
    writeFileSync(file('ext'), `[extensions]\n${extensionsOf(extensions)}`)
    const end = until ?? new Date(Date.now() + 10 * YEAR_MS)
    const begin = from ?? new Date(Math.min(Date.now(), end.getTime()) - HOUR_MS)
    const dates = ['-startdate', asn1Time(begin), '-enddate', asn1Time(end)]
    const how = ['-batch', '-notext', '-utf8', '-extfile', file('ext'), '-extensions', 'extensions', ...dates]
    openssl('ca', '-config', this.#configuration, ...how, '-in', file('csr'), '-out', file('pem'))
    return file('pem')
  }
}

/** OpenSSL leaves the others out of a certificate. */
const SUBJECT_FIELDS = [
  'C',
  'ST',
  'L',
  'O',
  'OU',
  'CN',
  'title',
  'SN',
  'GN',
  'initials',
  'DC',
  'UID',
  'serialNumber',
].concat('emailAddress')

const AUTHORITY = [
  'basicConstraints = critical,CA:TRUE',
  'keyUsage = critical,keyCertSign,cRLSign,digitalSignature',
  'subjectKeyIdentifier = hash',
]

const extensionsOf = (lines: readonly string[]): string => lines.map(line => `${line}\n`).join('')

let ofFile: { readonly authority: Authority; readonly certificate: Certificate } | null = null

/** The authority of `localCertificate`. */
export function localAuthority(): Authority {
  return local().authority
}

/** For localhost, 127.0.0.1 and ::1, ECDSA, with its root: made once for a test file. */
export function localCertificate(): Certificate {
  return local().certificate
}

function local() {
  if (ofFile === null) {
    const authority = new Authority()
    ofFile = { authority, certificate: authority.issue({ names: ['localhost', '127.0.0.1', '::1'], hasRoot: true }) }
  }
  return ofFile
}

/** Certificate and key, as `ConnectionOptions` of a client or a server want them. */
export function pemOf({ certificate, key }: Certificate): { readonly cert: Buffer; readonly key: Buffer } {
  return { cert: readFileSync(certificate), key: readFileSync(key) }
}

function makeKey(type: 'ecdsa' | 'rsa', bits: number): KeyObject {
  const { privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: bits })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey
}

function writeKey(file: string, key: KeyObject, password?: string): void {
  const secret = password === undefined ? {} : { cipher: 'aes-256-cbc', passphrase: password }
  writeFileSync(file, key.export({ type: 'pkcs8', format: 'pem', ...secret }), { mode: 0o600 })
}

/** YYYYMMDDHHMMSSZ. */
function asn1Time(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
}

function openssl(...args: readonly string[]): void {
  // Its messages come with the error.
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

let root: string | null = null
let directories = 0

/** Beneath one that is removed when the process ends. */
function directoryOfProcess(): string {
  if (root === null) {
    const made = realpathSync(mkdtempSync(join(tmpdir(), 'jumak-certificates-')))
    process.on('exit', () => rmSync(made, { recursive: true, force: true }))
    root = made
  }
  return mkdtempSync(join(root, `${++directories}-`))
}
