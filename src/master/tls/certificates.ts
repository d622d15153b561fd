/**
 * TLS as it is in force: read at the start, at HUP, and when a file changes. Runs in the master, only where TLS is configured.
 *
 * Files are looked at every two seconds, through their links. So certbot's links and a Kubernetes secret, whose files never change but whose
 * directory is another one, are seen like a file that was written anew; watching by inotify misses both. What has changed is read when it
 * has stood still for one look: a certificate is written a moment before its key.
 *
 * Invariants: what is in force fits together. New files that do not change nothing, and the log says why, once.
 * Not here: what is wrong with a file (`entry.ts`, `certificate.ts`), the keys of tickets (`ticket-secrets.ts`).
 */
import { statSync } from 'node:fs'
import type { TlsConfig, TlsEntry } from '../../config/types.ts'
import type { GatewayTls } from '../../control/tls-messages.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { dayOf, nameOf } from './certificate.ts'
import { type ReadEntry, readEntry, withPolicy } from './entry.ts'
import { ExpiryWarnings } from './expiry.ts'
import type { Findings } from './findings.ts'
import type { SelfSigned } from './self-signed.ts'
import { TicketSecrets } from './ticket-secrets.ts'

const LOOK_MS = 2000

export interface CertificatesOptions {
  readonly config: TlsConfig
  /** `--tls self-signed`; null: that is off. It renews itself, so nobody is warned of its end. */
  readonly selfSigned: SelfSigned | null
  readonly log: CertificateLog
  /** Something else is in force: for the gateway. */
  readonly onChange: (tls: GatewayTls) => void
}

export interface CertificateLog {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** One certificate, for `jumak status`. */
export interface CertificateState {
  readonly names: readonly string[]
  /** Milliseconds since 1970. */
  readonly validTo: number
}

export class Certificates {
  readonly #options: CertificatesOptions
  readonly #secrets = new TicketSecrets()
  readonly #expiry: ExpiryWarnings
  #config: TlsConfig
  #entries: readonly ReadEntry[]
  /** What the files of `#config` were when they were read. */
  #seen: string
  /** They are different now, and are read when they stand still. */
  #changing: string | null = null
  /** Why the files as they are now are not in force; empty: they are. */
  #problem = ''

  /** Throws OperatorError with everything that is wrong. Says what is doubtful. */
  constructor(options: CertificatesOptions) {
    const { config, log } = options
    this.#options = options
    this.#config = config
    this.#seen = stateOf(config)
    const { entries, findings } = readEntries(config.entries, Date.now())
    if (findings.problems.length > 0) throw new OperatorError(findings.problems.join('\n'))
    for (const warning of findings.warnings) log.warn(warning)
    this.#entries = entries
    this.#expiry = new ExpiryWarnings(message => log.warn(message))
  }

  /** Looks at files, dates and the age of secrets from now on. Does not keep the process alive. */
  start(): void {
    setInterval(() => this.#look(), LOOK_MS).unref()
    this.#secrets.start(() => this.#options.onChange(this.gateway))
    this.#expiry.start(() => this.#entries.flatMap(({ leaves }) => leaves))
  }

  get gateway(): GatewayTls {
    const entries = this.#entries.map(({ gateway }) => gateway)
    const own = this.#options.selfSigned?.signed
    // Of those that the user named one is the default.
    if (own !== undefined) entries.push({ ...own, ...withPolicy(this.#config.flat), isDefault: entries.length === 0 })
    return { entries, ticketSecrets: this.#secrets.all }
  }

  /** Of the master that this one replaces. */
  inherit(secrets: readonly string[]): void {
    this.#secrets.inherit(secrets)
    this.#options.onChange(this.gateway)
  }

  /** For the next Jumak, in an upgrade. */
  get secrets(): readonly string[] {
    return this.#secrets.all
  }

  get states(): readonly CertificateState[] {
    return this.#entries.flatMap(({ gateway, leaves }) =>
      leaves.map(leaf => ({ names: gateway.names, validTo: Date.parse(leaf.validTo) })),
    )
  }

  /** Why the files as they are now are not in force; empty: they are. */
  get problem(): string {
    return this.#problem
  }

  /** HUP. Returns what is wrong: then nothing changes. */
  reload(config: TlsConfig): readonly string[] {
    const state = stateOf(config)
    const { entries, findings } = readEntries(config.entries, Date.now())
    if (findings.problems.length > 0) return findings.problems
    this.#config = config
    this.#accept(state, entries, findings.warnings)
    return []
  }

  #look(): void {
    if (this.#options.selfSigned?.renew() === true) this.#options.onChange(this.gateway)
    const state = stateOf(this.#config)
    if (state === this.#seen) {
      this.#changing = null
      return
    }
    if (state !== this.#changing) {
      this.#changing = state
      return
    }
    const { entries, findings } = readEntries(this.#config.entries, Date.now())
    if (findings.problems.length === 0) this.#accept(state, entries, findings.warnings)
    else {
      // They are read again when they change again.
      this.#seen = state
      this.#problem = findings.problems.join('; ')
      this.#options.log.error(`certificates have changed, and the ones before stay in use: ${this.#problem}`)
    }
  }

  #accept(state: string, entries: readonly ReadEntry[], warnings: readonly string[]): void {
    const { log, onChange } = this.#options
    const before = new Set(this.#entries.flatMap(({ leaves }) => leaves.map(({ fingerprint256 }) => fingerprint256)))
    this.#seen = state
    this.#problem = ''
    this.#entries = entries
    for (const warning of warnings) log.warn(warning)
    for (const leaf of entries.flatMap(({ leaves }) => leaves))
      if (!before.has(leaf.fingerprint256))
        log.info(`new certificate for ${nameOf(leaf)}, valid until ${dayOf(Date.parse(leaf.validTo))}`)
    onChange(this.gateway)
  }
}

function readEntries(entries: readonly TlsEntry[], now: number): { entries: ReadEntry[]; findings: Findings } {
  const findings: Findings = { problems: [], warnings: [] }
  return { entries: entries.flatMap(entry => readEntry(entry, now, findings) ?? []), findings }
}

/** Another text when a file has changed, or another one has its name. */
function stateOf({ entries }: TlsConfig): string {
  return entries.flatMap(filesOf).map(stateOfFile).join('\n')
}

function filesOf({ certificates, keyPasswordFile, clients }: TlsEntry): string[] {
  const others = [keyPasswordFile, clients?.authorities ?? null, clients?.revoked ?? null]
  return [...certificates.flatMap(({ certificate, key, staple }) => [certificate, key, staple]), ...others].filter(
    path => path !== null,
  )
}

function stateOfFile(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path)
    return `${path} ${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`
  } catch {
    return `${path} is missing`
  }
}

/** For `--check`: the same as at a start, but that no authority is made. */
export async function checkFiles(config: TlsConfig): Promise<Findings> {
  const { findings } = readEntries(config.entries, Date.now())
  if (config.isSelfSigned) {
    const { findLocalAuthority } = await import('./local-authority.ts')
    try {
      findLocalAuthority(process.env)
    } catch (error) {
      findings.problems.push(asErrno(error).message)
    }
  }
  return findings
}
