/**
 * The files that a generation was made from: those that Python read, and those that were watched when it began, each in its state at that
 * time. It also compares a file with its earlier state. Runs in the master, with `--reload` only.
 * Not here: whether a difference matters (`watch.ts`), what follows from it (`development.ts`).
 */
import { statSync } from 'node:fs'
import type { ErrorReport, SourceFile } from '../../control/messages.ts'
import { kindOf } from './watch.ts'

/** The same bound as in Python (`sources.py`). */
const MAX_FILES = 5000
/** Milliseconds: Python and Node turn the same nanoseconds into floating-point numbers that differ in the last bits. */
const CLOCK_TOLERANCE = 0.01

export class SourceSnapshot {
  readonly number: number
  readonly since: number = performance.now()
  /** `since` as the time of day, plus 1 ms: a file that is written at this moment is not newer. */
  readonly date: number = Date.now() + 1
  /** The files that Python read, in their state at that time. */
  readonly imported = new Map<string, SourceFile>()
  /** The files that were watched when the generation began, in their state at that time. */
  readonly before = new Map<string, SourceFile>()
  /** A file that two workers, which import by themselves, read in two states: one of them has old code. */
  contradiction: string | null = null
  report: ErrorReport | null = null
  /** The generation has loaded, or has failed to load. */
  isSettled = false
  /** The gateway answers with it: with its workers or with its error. */
  isAnswering = false
  isBroken = false

  constructor(number: number) {
    this.number = number
  }

  state(path: string): SourceFile | null {
    return this.imported.get(path) ?? this.before.get(path) ?? null
  }

  add(files: readonly SourceFile[]): void {
    for (const file of files) {
      const known = this.imported.get(file.path)
      if (known !== undefined) {
        if (isDifferent(known, file)) this.contradiction = file.path
      } else if (this.imported.size < MAX_FILES) {
        this.imported.set(file.path, file)
      }
    }
  }

  /** A file that has changed since Python read it; null: there is none. */
  findChange(): string | null {
    if (this.contradiction !== null) return this.contradiction
    for (const file of this.imported.values()) if (isDifferent(file, look(file.path))) return file.path
    return null
  }

  /** The files that the gateway compares. When the generation is broken, these are all modules: a change of any may mend it. */
  files(): SourceFile[] {
    const others = this.before
      .values()
      .filter(({ path }) => !this.imported.has(path) && (this.isBroken || kindOf(path) !== 'python'))
    return [...this.imported.values(), ...others].slice(0, MAX_FILES)
  }
}

/** The present state of the file; null: there is none. */
export function look(path: string): SourceFile | null {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    return found?.isFile() ? { path, modified: found.mtimeMs, size: found.size } : null
  } catch {
    return null
  }
}

/** When its content, name or mode last changed; 0: it is gone. */
export function touchedAt(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0
  } catch {
    return 0
  }
}

export function isDifferent(one: SourceFile | null, other: SourceFile | null): boolean {
  if (one === null || other === null) return one !== other
  return one.size !== other.size || Math.abs(one.modified - other.modified) > CLOCK_TOLERANCE
}
