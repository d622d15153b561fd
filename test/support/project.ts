/** Directories of a test: an empty one, or a project that the test may change. They are removed after the test. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** An empty directory, without symbolic links in its path. */
export function temporaryDirectory(t: TestContext): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'jumak-test-')))
  // Browsers and processes that have just ended may still write: the removal is tried again.
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }))
  return directory
}

/** A directory with files. */
export class Project {
  readonly directory: string

  constructor(t: TestContext, files: Readonly<Record<string, string>>) {
    this.directory = temporaryDirectory(t)
    for (const [name, text] of Object.entries(files)) this.save(name, text)
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  /** `mode`: of a new file. */
  save(name: string, text: string, mode = 0o644): void {
    mkdirSync(join(this.path(name), '..'), { recursive: true })
    writeFileSync(this.path(name), text, { mode })
  }
}
