/**
 * Holds a request in the application until the test lets it go: the application waits for a file. So a worker is busy for as long as the
 * test needs it, on a fast machine and on a slow one. `/hold?gate=…` of `test/apps/plain.py` and of `life.ts` wait for it.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryDirectory } from './project.ts'

export class Gate {
  /** The file that the application waits for. */
  readonly file: string

  constructor(t: TestContext) {
    this.file = join(temporaryDirectory(t), 'open')
  }

  /** The target of a request that is held. The application prints `holding` when it has it, and answers `let go`. */
  get target(): string {
    return `/hold?gate=${this.file}`
  }

  open(): void {
    writeFileSync(this.file, '')
  }
}
