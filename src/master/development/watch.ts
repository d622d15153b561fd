/**
 * Watches the code of an application that is being developed. Runs in the master, only with `--reload`. Tells only where
 * something happened: whether a file is another one than before is for the caller to look at, so that editors may save
 * by rename, truncate first, or write twice. What the files were when Python read them is compared in the gateway too
 * (`gateway/development/development.ts`); this is how a change is noticed while nobody asks for anything.
 *
 * Only files that can matter are watched: each costs the kernel a watch, and their number is limited.
 */
import { existsSync, realpathSync, type Stats } from 'node:fs'
import { basename, dirname, extname, join, relative, sep } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'

/** Others' code, and what tools leave behind. */
const IGNORED = new Set([
  'node_modules',
  'site-packages',
  '__pycache__',
  '.git',
  '.hg',
  '.svn',
  '.venv',
  'venv',
  '.tox',
  '.nox',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
])
/** Frameworks keep compiled templates, and translations, in memory. */
const TEMPLATES = new Set(['.html', '.htm', '.jinja', '.jinja2', '.j2', '.mako', '.mo'])

/** `resource`: what an application reads when it likes: templates, variables. */
export type Kind = 'python' | 'resource'

/** Null: what happens to it is nothing to the application, as far as its name tells. */
export function kindOf(path: string): Kind | null {
  const name = basename(path)
  if (name === '.env' || name.startsWith('.env.') || name === '.flaskenv') return 'resource'
  // What editors leave beside a file while it is open.
  if (name.startsWith('.') || name.startsWith('#') || name.endsWith('~')) return null
  const extension = extname(name)
  if (extension === '.py') return 'python'
  return TEMPLATES.has(extension) || dirname(path).split(sep).includes('templates') ? 'resource' : null
}

/** What is known of the newest generation. */
export interface Known {
  /** Python has read it. */
  isImported(path: string): boolean
  readonly envFiles: readonly string[]
  /** It did not load: any module may be what mends it. */
  readonly isBroken: boolean
}

/** Whether the application may be another one after the change. `isNew`: there was no such file when it was loaded. */
export function matters(path: string, isNew: boolean, known: Known): boolean {
  if (known.isImported(path) || known.envFiles.includes(path)) return true
  const kind = kindOf(path)
  // A new module is found by name (admin.py, a migration); one that nobody imports may change as it likes.
  return kind === 'resource' || (kind === 'python' && (isNew || known.isBroken))
}

/** A directory or file that is not looked at: by its name, or because it is a virtual environment of any name. */
export function isIgnored(path: string, root: string): boolean {
  if (
    relative(root, path)
      .split(sep)
      .some(part => IGNORED.has(part))
  )
    return true
  return existsSync(join(path, 'pyvenv.cfg'))
}

export interface WatchEvents {
  /** Seen for the first time, while everything is looked at for the first time, which takes seconds in a big directory. */
  found(path: string): void
  /** Something happened to this file. */
  touched(path: string): void
  /** `files` is complete for the first time. */
  ready(): void
  failed(error: Error): void
}

export class CodeWatcher {
  /** Files that can matter, as far as they are known. */
  readonly files: Set<string> = new Set()
  readonly #directories: readonly string[]
  /** Files that are watched wherever they are. */
  readonly #single: Set<string>
  readonly #watcher: FSWatcher
  #isReady = false

  constructor(directories: readonly string[], envFiles: readonly string[], events: WatchEvents) {
    this.#directories = directories
    this.#single = new Set(envFiles)
    this.#watcher = watch([...directories, ...envFiles], {
      ignored: (path, stats) => this.#isLeftOut(path, stats),
      // A file that is replaced: told at once.
      atomic: false,
      // A directory that may not be read is not watched.
      ignorePermissionErrors: true,
    })
    this.#watcher.on('all', (event, path) => {
      if (event === 'unlink') this.files.delete(path)
      else if (event === 'add' || event === 'change') this.files.add(path)
      else return
      if (event === 'add' && !this.#isReady) events.found(path)
      else events.touched(path)
    })
    this.#watcher.on('ready', () => {
      this.#isReady = true
      events.ready()
    })
    this.#watcher.on('error', error => events.failed(error as Error))
  }

  /** These as well, for they were imported, if nothing watches them yet: a package beside the project, say. */
  add(paths: readonly string[]): void {
    const others = paths.filter(path => !this.#single.has(path) && !this.#isInside(path))
    for (const path of others) this.#single.add(path)
    if (others.length > 0) this.#watcher.add(others)
  }

  close(): void {
    void this.#watcher.close()
  }

  #isInside(path: string): boolean {
    return this.#directories.some(root => path.startsWith(root + sep) && !isIgnored(dirname(path), root))
  }

  /** Asked twice: by name alone, and with what was found there. */
  #isLeftOut(path: string, stats: Stats | undefined): boolean {
    if (this.#single.has(path) || this.#directories.includes(path)) return false
    if (stats?.isFile()) return kindOf(path) === null
    return this.#directories.some(root => isIgnored(path, root)) || (stats?.isDirectory() === true && leadsBack(path))
  }
}

/** A link to a directory that it lies in: followed, it would never end. */
function leadsBack(path: string): boolean {
  try {
    return (realpathSync(dirname(path)) + sep).startsWith(realpathSync(path) + sep)
  } catch {
    return true
  }
}
