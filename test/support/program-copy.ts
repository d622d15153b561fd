/** A copy of the program that a test may change, as an update in place does. It has the packages of the checkout. */
import {
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './paths.ts'

const FILES = ['bin', 'scripts/node', 'src', 'python/jumak_worker', 'package.json', 'package-lock.json']

export class ProgramCopy {
  readonly root: string = realpathSync(mkdtempSync(join(tmpdir(), 'jumak-test-')))

  constructor() {
    for (const name of FILES)
      cpSync(join(ROOT, name), join(this.root, name), {
        recursive: true,
        filter: path => !/\.test\.ts$|__pycache__/.test(path),
      })
    this.#linkPackages()
  }

  /** Root starts no Node that another user may change, and the checkout may be another user's. */
  #linkPackages(): void {
    const [from, to] = [join(ROOT, 'node_modules'), join(this.root, 'node_modules')]
    mkdirSync(to)
    for (const name of readdirSync(from))
      if (name.startsWith('node-') && process.geteuid?.() === 0)
        cpSync(join(from, name, 'bin/node'), join(to, name, 'bin/node'), { mode: constants.COPYFILE_FICLONE })
      else symlinkSync(join(from, name), join(to, name))
  }

  get program(): string {
    return join(this.root, 'bin/jumak')
  }

  get version(): string {
    return JSON.parse(readFileSync(join(this.root, 'package.json'), 'utf8')).version
  }

  remove(): void {
    rmSync(this.root, { recursive: true })
  }

  /** The files are those of another version from now on. */
  becomeVersion(version: string): void {
    this.#edit('package.json', /"version": "[^"]*"/, `"version": "${version}"`)
    this.#edit('python/jumak_worker/__init__.py', /__version__ = "[^"]*"/, `__version__ = "${version}"`)
  }

  #edit(name: string, pattern: RegExp, text: string): void {
    const path = join(this.root, name)
    const before = readFileSync(path, 'utf8')
    if (!pattern.test(before)) throw new Error(`${name} has no ${pattern}`)
    writeFileSync(path, before.replace(pattern, text))
  }
}
