/**
 * TLS as it is in force: read at the start, at HUP, and when a file changes. Runs in the master, only where TLS is configured.
 *
 * Invariants: what is in force fits together. New files that do not change nothing of their entry, and the log says why, once; other
 * entries follow theirs. A wrong file at a start or at HUP refuses the whole, like a wrong setting.
 * Not here: the look at files (`watched-entry.ts`), what is wrong with them (`entry.ts`, `certificate.ts`), keys of tickets
 * (`ticket-secrets.ts`).
 */
import type { Config, TlsConfig, TlsEntry } from '../../config/types.ts'
import type { GatewayTls } from '../../control/tls-messages.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { dayOf, nameOf } from './certificate.ts'
import { doubtsOf, type NamedEntry } from './doubts.ts'
import { readEntry, withPolicy } from './entry.ts'
import { ExpiryWarnings } from './expiry.ts'
import { type Findings, noFindings } from './findings.ts'
import { sharedUser } from './key-memory.ts'
import type { SelfSigned } from './self-signed.ts'
import { type InheritedSecrets, TicketSecrets } from './ticket-secrets.ts'
import { stateOf, WatchedEntry } from './watched-entry.ts'

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
  /** Why its files as they are now are not in force; empty: they are. */
  readonly problem: string
}

export class Certificates {
  readonly #options: CertificatesOptions
  readonly #secrets = new TicketSecrets()
  readonly #expiry: ExpiryWarnings
  #config: TlsConfig
  #entries: readonly WatchedEntry[]

  /** Throws OperatorError with everything that is wrong. Says what is doubtful. */
  constructor(options: CertificatesOptions) {
    const { config, log } = options
    this.#options = options
    this.#config = config
    const { entries, findings } = readEntries(config.entries, Date.now(), [])
    if (findings.problems.length > 0) throw new OperatorError(findings.problems.join('\n'))
    tell(log, findings)
    this.#entries = entries
    this.#expiry = new ExpiryWarnings(message => log.warn(message))
  }

  /** Looks at files, dates and the age of secrets from now on. Does not keep the process alive. */
  start(): void {
    setInterval(() => this.#look(), LOOK_MS).unref()
    this.#secrets.start(() => this.#options.onChange(this.gateway))
    this.#expiry.start(() => this.#entries.flatMap(({ read }) => read.leaves))
  }

  get gateway(): GatewayTls {
    const entries = this.#entries.map(({ read }) => read.gateway)
    const own = this.#options.selfSigned?.signed
    // Of those that the user named one is the default.
    if (own !== undefined) entries.push({ ...own, ...withPolicy(this.#config.flat), isDefault: entries.length === 0 })
    return { entries, ticketSecrets: this.#secrets.all }
  }

  /** Of the master that this one replaces. */
  inherit(inherited: InheritedSecrets): void {
    this.#secrets.inherit(inherited)
    this.#options.onChange(this.gateway)
  }

  /** For the next Jumak, in an upgrade. */
  get secrets(): InheritedSecrets {
    return this.#secrets.inheritance
  }

  get states(): readonly CertificateState[] {
    return this.#entries.flatMap(({ read: { gateway, leaves }, problem }) =>
      leaves.map(leaf => ({
        names: gateway.names.length > 0 ? gateway.names : [nameOf(leaf)],
        validTo: Date.parse(leaf.validTo),
        problem,
      })),
    )
  }

  /** Says at a start who else can read keys. */
  tellUsers(): void {
    const shared = sharedUser()
    if (shared !== null) this.#options.log.info(shared)
  }

  /** Says what is right, and may not be meant. */
  tellDoubts(config: Config): void {
    for (const doubt of doubtsOf(config, this.#entries.map(toNamed))) this.#options.log.warn(doubt)
  }

  /** HUP. Returns what is wrong: then nothing changes. */
  reload(config: TlsConfig): readonly string[] {
    const { entries, findings } = readEntries(config.entries, Date.now(), this.#entries)
    if (findings.problems.length > 0) return findings.problems
    const before = this.#fingerprints
    this.#config = config
    this.#entries = entries
    this.#changed(before, findings)
    return []
  }

  #look(): void {
    if (this.#options.selfSigned?.renew() === true) this.#options.onChange(this.gateway)
    const before = this.#fingerprints
    const all = noFindings()
    let isChanged = false
    for (const entry of this.#entries) {
      const findings = entry.look(Date.now())
      if (findings === null) continue
      if (entry.problem === '') {
        isChanged = true
        all.warnings.push(...findings.warnings)
        all.remarks.push(...findings.remarks)
      } else this.#options.log.error(`certificates have changed, and the ones before stay in use: ${entry.problem}`)
    }
    if (isChanged) this.#changed(before, all)
    for (const entry of this.#entries) for (const message of entry.ended(Date.now())) this.#options.log.warn(message)
  }

  get #fingerprints(): ReadonlySet<string> {
    return new Set(this.#entries.flatMap(({ fingerprints }) => [...fingerprints]))
  }

  #changed(before: ReadonlySet<string>, findings: Findings): void {
    const { log, onChange } = this.#options
    tell(log, findings)
    for (const leaf of this.#entries.flatMap(({ read }) => read.leaves))
      if (!before.has(leaf.fingerprint256))
        log.info(`new certificate for ${nameOf(leaf)}, valid until ${dayOf(Date.parse(leaf.validTo))}`)
    onChange(this.gateway)
  }
}

function tell(log: CertificateLog, { warnings, remarks }: Findings): void {
  for (const warning of warnings) log.warn(warning)
  for (const remark of remarks) log.info(remark)
}

/** `before`: in force. */
function readEntries(
  entries: readonly TlsEntry[],
  now: number,
  before: readonly WatchedEntry[],
): { entries: WatchedEntry[]; findings: Findings } {
  const all = noFindings()
  const inForce = new Set(before.flatMap(({ fingerprints }) => [...fingerprints]))
  const same = new Map(before.map(one => [JSON.stringify(one.entry), one]))
  const read = entries.flatMap(entry => {
    const state = stateOf(entry)
    const findings = noFindings()
    const one = readEntry(entry, now, findings, inForce)
    all.problems.push(...findings.problems)
    all.warnings.push(...findings.warnings)
    all.remarks.push(...findings.remarks)
    if (one !== null) return new WatchedEntry(entry, one, state)
    same.get(JSON.stringify(entry))?.refuse(state, findings.problems)
    return []
  })
  return { entries: read, findings: all }
}

/** For `--check`: the same as at a start, but that no authority is made. */
export async function checkFiles(config: Config): Promise<Findings> {
  const { entries, findings } = readEntries(config.tls.entries, Date.now(), [])
  findings.warnings.push(...findings.remarks, ...doubtsOf(config, entries.map(toNamed)))
  if (config.tls.isSelfSigned) {
    const { findLocalAuthority } = await import('./local-authority.ts')
    try {
      findLocalAuthority(process.env)
    } catch (error) {
      findings.problems.push(asErrno(error).message)
    }
  }
  return findings
}

function toNamed({ entry, read }: WatchedEntry): NamedEntry {
  return { entry, names: read.gateway.names }
}
