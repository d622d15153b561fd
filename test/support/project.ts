/** A project of its own for a test that changes it, and its removal afterwards. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export class Project {
  readonly directory: string = realpathSync(mkdtempSync(join(tmpdir(), 'jumak-project-')))

  constructor(t: TestContext, files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) this.save(name, text)
    t.after(() => rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 }))
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  save(name: string, text: string): void {
    mkdirSync(join(this.path(name), '..'), { recursive: true })
    writeFileSync(this.path(name), text)
  }
}
