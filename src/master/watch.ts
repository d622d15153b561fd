/**
 * Watches the code of an application that is being developed, and says which changes matter. Runs in the master, only with
 * `--reload`. What the files were when Python read them is compared in the gateway (`gateway/development.ts`); this is how a
 * change is noticed while nobody asks for anything, and how files are noticed that no module was read from.
 */
import { existsSync } from 'node:fs'
import { basename, extname, join, relative, sep } from 'node:path'
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
/** Frameworks keep compiled templates in memory. */
const TEMPLATES = new Set(['.html', '.htm', '.jinja', '.jinja2', '.j2', '.mako'])
/** One save of an editor, a formatter, a checkout: all of it is one change. */
const BURST_MS = 50

export type FileEvent = 'add' | 'change' | 'unlink'

export interface Known {
  /** Python has read it. */
  isImported(path: string): boolean
  readonly envFiles: readonly string[]
  /** The last generation did not load: any module may be what mends it. */
  readonly isBroken: boolean
}

/** Whether the application may be another one after it. */
export function matters(event: FileEvent, path: string, known: Known): boolean {
  if (known.isImported(path) || known.envFiles.includes(path)) return true
  const name = basename(path)
  if (name === '.env' || name.startsWith('.env.')) return true
  const extension = extname(name)
  if (TEMPLATES.has(extension) || path.split(sep).includes('templates')) return true
  // A new module is found by name (admin.py, a migration); one that nobody imports may change as it likes.
  return extension === '.py' && (event === 'add' || known.isBroken)
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

export class CodeWatcher {
  readonly #watcher: FSWatcher
  readonly #known: Known
  readonly #onChanged: (path: string) => void
  readonly #onSettled: () => void
  #burst: NodeJS.Timeout | undefined

  /** `onChanged`: at once, with the first file of a burst; `onSettled`: when the burst is over. */
  constructor(directories: readonly string[], known: Known, onChanged: (path: string) => void, onSettled: () => void) {
    this.#known = known
    this.#onChanged = onChanged
    this.#onSettled = onSettled
    this.#watcher = watch([...directories, ...known.envFiles], {
      ignoreInitial: true,
      ignored: path => directories.some(root => isIgnored(path, root)),
    })
    for (const event of ['add', 'change', 'unlink'] as const)
      this.#watcher.on(event, path => {
        if (matters(event, path, this.#known)) this.changed(path)
      })
    // A directory that may not be read: what is in it is not watched.
    this.#watcher.on('error', () => {})
  }

  /** Also from the gateway, which looks before each request. */
  changed(path: string): void {
    if (this.#burst === undefined) this.#onChanged(path)
    clearTimeout(this.#burst)
    this.#burst = setTimeout(() => {
      this.#burst = undefined
      this.#onSettled()
    }, BURST_MS)
  }

  close(): void {
    clearTimeout(this.#burst)
    void this.#watcher.close()
  }
}
