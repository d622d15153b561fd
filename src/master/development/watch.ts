/**
 * Watches the files of an application under development. Runs in the master, only with `--reload`.
 *
 * It reports only that something happened to a file. The caller compares the file, because an editor may save by a rename, truncate the
 * file first, or write twice. The gateway compares files too, before each dispatch; the watcher notices a change when no request comes.
 *
 * Invariant: only files that can matter are watched, because the kernel limits the number of watches.
 */
import { existsSync, realpathSync, type Stats } from 'node:fs'
import { basename, dirname, extname, join, relative, sep } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'

/** Other people's code, and files of tools. */
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
/** Frameworks keep compiled templates and translations in memory. */
const TEMPLATES = new Set(['.html', '.htm', '.jinja', '.jinja2', '.j2', '.mako', '.mo'])

/** `resource`: a file that an application may read at any time, such as a template or a file of variables. */
export type FileKind = 'python' | 'resource'

/** Null: by its name, the file does not matter to the application. */
export function kindOf(path: string): FileKind | null {
  const name = basename(path)
  if (name === '.env' || name.startsWith('.env.') || name === '.flaskenv') return 'resource'
  // Editors put such files beside a file while it is open.
  if (name.startsWith('.') || name.startsWith('#') || name.endsWith('~')) return null
  const extension = extname(name)
  if (extension === '.py') return 'python'
  return TEMPLATES.has(extension) || dirname(path).split(sep).includes('templates') ? 'resource' : null
}

/** What is known about the newest generation. */
export interface KnownCode {
  /** Python has read the file. */
  isImported(path: string): boolean
  readonly envFiles: readonly string[]
  /** It did not load: a change of any module may mend it. */
  readonly isBroken: boolean
}

/** Whether the change may affect the application. `isNew`: the file did not exist when the application was loaded. */
export function matters(path: string, isNew: boolean, known: KnownCode): boolean {
  if (known.isImported(path) || known.envFiles.includes(path)) return true
  const kind = kindOf(path)
  // A framework may find a new module by its name (admin.py, a migration). A module that nothing imports does not matter.
  return kind === 'resource' || (kind === 'python' && (isNew || known.isBroken))
}

/** Whether a directory or file is left out: by its name, or because it is a virtual environment. */
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
  /** A file is seen for the first time during the first scan, which takes seconds in a big directory. */
  found(path: string): void
  /** Something happened to the file. */
  touched(path: string): void
  /** The first scan is over: `files` is complete. */
  ready(): void
  failed(error: Error): void
}

export class CodeWatcher {
  /** The files that can matter, as far as they are known. */
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
      // A replaced file is reported at once.
      atomic: false,
      // A directory that we may not read is not watched.
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

  /** Also watches these imported files, if they are not watched yet: a package beside the project, for example. */
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

  /** chokidar asks twice: with the name alone, and with the stats of the file. */
  #isLeftOut(path: string, stats: Stats | undefined): boolean {
    if (this.#single.has(path) || this.#directories.includes(path)) return false
    if (stats?.isFile()) return kindOf(path) === null
    return this.#directories.some(root => isIgnored(path, root)) || (stats?.isDirectory() === true && leadsBack(path))
  }
}

/** A link to a directory that contains the link: following it would never end. */
function leadsBack(path: string): boolean {
  try {
    return (realpathSync(dirname(path)) + sep).startsWith(realpathSync(path) + sep)
  } catch {
    return true
  }
}
