/**
 * What a generation was made from: the files that Python read and those that were there, as they were then; and how a file
 * is compared with what it was. Runs in the master, with `--reload` only. Whether a difference means anything: `watch.ts`.
 */
import { statSync } from 'node:fs'
import type { ErrorReport, SourceFile } from '../../control/messages.ts'
import { isDifferent, look } from '../../control/source-file.ts'
import { kindOf } from './watch.ts'

/** As many as Python reports (`sources.py`). */
const MAX_FILES = 5000

export class Reading {
  readonly number: number
  readonly since: number = performance.now()
  /** The same as time of day, for file systems: no file of this moment is newer. */
  readonly date: number = Date.now() + 1
  /** What Python read, as it was then. */
  readonly imported = new Map<string, SourceFile>()
  /** What was watched when it began, as it was then. */
  readonly before = new Map<string, SourceFile>()
  /** Read twice, in two states, by workers that import by themselves: one of them has old code. */
  contradiction: string | null = null
  report: ErrorReport | null = null
  /** It has loaded, or failed to. */
  isSettled = false
  /** The gateway was told of it. */
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

  /** A file that Python read and that is another one now. */
  findChange(): string | null {
    if (this.contradiction !== null) return this.contradiction
    for (const file of this.imported.values()) if (isDifferent(file, look(file.path))) return file.path
    return null
  }

  /** For the gateway to compare; any module may be what mends a broken one. */
  files(): SourceFile[] {
    const others = this.before
      .values()
      .filter(({ path }) => !this.imported.has(path) && (this.isBroken || kindOf(path) !== 'python'))
    return [...this.imported.values(), ...others].slice(0, MAX_FILES)
  }
}

/** When its content, name or mode changed: 0 when it is gone. */
export function touchedAt(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0
  } catch {
    return 0
  }
}
