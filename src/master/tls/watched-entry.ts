/**
 * One entry of TLS in force, and the files that it was made of. Runs in the master.
 *
 * Its files are looked at again and again, through their links. So certbot's links and a Kubernetes secret, whose files never change but
 * whose directory is another one, are seen like a file that was written anew; watching by inotify misses both, and knows nothing of NFS.
 * What has changed is read when it has stood still for one look: a certificate is written a moment before its key.
 *
 * Invariant: new files that are wrong leave what is in force as it is. Each state of the files is read once.
 */
import { statSync } from 'node:fs'
import type { TlsEntry } from '../../config/types.ts'
import { type End, type ReadEntry, readEntry } from './entry.ts'
import { type Findings, noFindings } from './findings.ts'

export class WatchedEntry {
  readonly entry: TlsEntry
  #read: ReadEntry
  /** Of it, what was not told. */
  #ends: readonly End[]
  /** What the files were when they were read last. */
  #seen: string
  /** They are different now, and are read when they stand still. */
  #changing: string | null = null
  #problem = ''

  constructor(entry: TlsEntry, read: ReadEntry, seen: string) {
    this.entry = entry
    this.#read = read
    this.#ends = read.ends
    this.#seen = seen
  }

  /** In force. */
  get read(): ReadEntry {
    return this.#read
  }

  /** Why the files as they are now are not in force; empty: they are. */
  get problem(): string {
    return this.#problem
  }

  get fingerprints(): ReadonlySet<string> {
    return new Set(this.#read.leaves.map(({ fingerprint256 }) => fingerprint256))
  }

  /** What has ended since the files were read or this was called: for the log. */
  ended(now: number): string[] {
    const ended = this.#ends.filter(({ at }) => at <= now)
    if (ended.length > 0) this.#ends = this.#ends.filter(({ at }) => at > now)
    return ended.map(({ message }) => message)
  }

  /** What was found in files that have changed and stand still; null: nothing has changed. */
  look(now: number): Findings | null {
    const state = stateOf(this.entry)
    if (state === this.#seen) {
      this.#changing = null
      return null
    }
    if (state !== this.#changing) {
      this.#changing = state
      return null
    }
    const findings = noFindings()
    const read = readEntry(this.entry, now, findings, this.fingerprints)
    this.refuse(state, findings.problems)
    if (read !== null) {
      this.#read = read
      this.#ends = read.ends
    }
    return findings
  }

  /** The files in this state were read elsewhere, and these are their problems, if they have any: nobody needs to be told again. */
  refuse(state: string, problems: readonly string[]): void {
    this.#seen = state
    this.#changing = null
    this.#problem = problems.join('; ')
  }
}

/** Another text when a file of the entry has changed, or another one has its name. */
export function stateOf({ certificates, keyPasswordFile, clients }: TlsEntry): string {
  const others = [keyPasswordFile, clients?.authorities ?? null, clients?.revoked ?? null]
  const files = [...certificates.flatMap(({ certificate, key, staple }) => [certificate, key, staple]), ...others]
  return files.map(path => (path === null ? '' : stateOfFile(path))).join('\n')
}

function stateOfFile(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path)
    return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`
  } catch {
    return 'missing'
  }
}
