/**
 * Finds the application if the user names none: a Django project by its manage.py, else the first usual file that defines a usual
 * name, in the directory, in its packages, then in its `src`. Runs in the command line, and in the master when it reloads.
 *
 * Invariant: reads the text of files and runs nothing. The import of a file that is no application could do anything.
 */
import { readdirSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { isDirectory, isFile, readText } from '../machine/files.ts'
import type { AppTarget } from '../types.ts'
import { findDjango } from './django-project.ts'
import { importsPackage, moduleNameOf, relativeDepth } from './module-name.ts'
import { topLevelNames } from './python-source.ts'

/** Tried in this order in a module without a callable; the last is a factory. */
export const DEFAULT_ATTRIBUTES: readonly string[] = ['application', 'app', 'create_app']

/** An application and its directory, which is not always the directory that was searched. */
export interface Located {
  readonly target: AppTarget
  readonly directory: string
}

const FILES: readonly string[] = ['wsgi.py', 'asgi.py', 'app.py', 'main.py', 'server.py', 'api.py']
export const IN_PACKAGES: readonly string[] = [
  'wsgi.py',
  'asgi.py',
  '__init__.py',
  'app.py',
  'main.py',
  'server.py',
  'api.py',
]
const FACTORY = 'create_app'
/** FastAPI's documentation has this package. It counts before others, and without an `__init__.py`. */
const USUAL_PACKAGE = 'app'
const NO_APPLICATIONS: ReadonlySet<string> = new Set(['tests', 'test', 'docs', 'examples', 'scripts', 'node_modules'])
/** A directory with more folders is no project, but holds many. */
const MAX_FOLDERS = 100

/** A sentence about the places that were searched. It is not about a value that was given. */
export interface NotFound {
  readonly notFound: string
}

/** `settings`: DJANGO_SETTINGS_MODULE of the environment. */
export function discover(directory: string, settings: string | null = null): { readonly value: Located } | NotFound {
  const search = new Search(directory, settings)
  const located = search.all()
  if (located !== null) return { value: located }
  const below = foldersOf(directory).find(folder => new Search(join(directory, folder), settings).all() !== null)
  const hint = below === undefined ? "as in 'jumak mysite.wsgi' or 'jumak shop:app'" : `perhaps 'jumak ${below}/'`
  return { notFound: `there is no application in ${directory}: ${search.describe()}; name it, ${hint}` }
}

/** The application of a package: in its `__init__.py` or in one of the usual files. */
export function discoverInPackage(folder: string, directory: string): Located | null {
  return new Search(directory, null).inPackage(folder)
}

class Search {
  readonly #directory: string
  readonly #settings: string | null
  /** Files that are there and have no application, each with the reason. */
  readonly #seen: string[] = []
  readonly #packages: string[] = []
  #hasSource = false

  constructor(directory: string, settings: string | null) {
    this.#directory = directory
    this.#settings = settings
  }

  all(): Located | null {
    const source = join(this.#directory, 'src')
    this.#hasSource = isDirectory(source)
    for (const base of this.#hasSource ? [this.#directory, source] : [this.#directory]) {
      const found = this.#django(base) ?? this.#files(base, FILES, base) ?? this.#inPackages(base)
      if (found !== null) return found
    }
    return null
  }

  /** All places that were searched. */
  describe(): string {
    const usual = `manage.py (Django), ${FILES.slice(0, -1).join(', ')} and ${FILES.at(-1)}`
    const where = this.#hasSource ? 'in it and in its src' : 'in it'
    const packages =
      this.#packages.length > 0 ? `the packages ${this.#packages.join(', ')}` : 'packages, and there are none'
    const looked = `looked for ${usual} ${where}, and in ${packages}`
    return this.#seen.length > 0 ? `${looked}; found ${this.#seen.join(', and ')}` : looked
  }

  inPackage(folder: string): Located | null {
    return this.#files(folder, IN_PACKAGES, dirname(folder))
  }

  #django(base: string): Located | null {
    const project = findDjango(base, this.#settings)
    if (project === null) return null
    if (typeof project === 'string') {
      this.#seen.push(project)
      return null
    }
    const { module, attribute, found } = project
    const attributes = attribute === null ? DEFAULT_ATTRIBUTES : [attribute]
    const display = attribute === null ? module : `${module}:${attribute}`
    return { target: { module, file: null, attributes, factory: false, paste: null, display, found }, directory: base }
  }

  #files(folder: string, files: readonly string[], base: string): Located | null {
    for (const name of files) {
      const file = join(folder, name)
      const text = readText(file)
      if (text === null) continue
      const names = topLevelNames(text)
      const attribute = DEFAULT_ATTRIBUTES.find(usual => names.has(usual))
      if (attribute !== undefined) return this.#located(file, attribute, base)
      // Nearly every package has an empty `__init__.py`.
      if (name !== '__init__.py')
        this.#seen.push(
          `${relative(this.#directory, file)}, but neither ${DEFAULT_ATTRIBUTES.join(' nor ')} is defined in it`,
        )
    }
    return null
  }

  #inPackages(base: string): Located | null {
    const folders = foldersOf(base).filter(
      name => !NO_APPLICATIONS.has(name) && (name === USUAL_PACKAGE || isFile(join(base, name, '__init__.py'))),
    )
    const found = folders.flatMap(name => {
      this.#packages.push(relative(this.#directory, join(base, name)))
      const one = this.inPackage(join(base, name))
      return one === null ? [] : [{ name, one }]
    })
    const usual = found.find(({ name }) => name === USUAL_PACKAGE)
    if (usual !== undefined || found.length === 1) return (usual ?? found[0]!).one
    this.#seen.push(...found.map(({ one }) => `${one.target.display}, which is not the only one`))
    return null
  }

  #located(file: string, attribute: string, base: string): Located {
    const directory = this.#directory
    const name = nameOf(file, base, directory)
    const factory = attribute === FACTORY
    const display = `${name.module}:${attribute}${factory ? '()' : ''}`
    const what = factory ? `the factory '${attribute}'` : `'${attribute}'`
    const found = `found ${relative(directory, file)} with ${what}, serving ${display}`
    return { target: { ...name, attributes: [attribute], factory, paste: null, display, found }, directory }
  }
}

/** The file's module seen from `base`, from which Python imports; from further up if the imports in the file need the packages around it. */
function nameOf(file: string, base: string, directory: string): Pick<AppTarget, 'module' | 'file'> {
  const folder = dirname(file)
  const parts = relative(base, file).slice(0, -'.py'.length).split('/')
  const module = (parts.at(-1) === '__init__' ? parts.slice(0, -1) : parts).join('.')
  if (folder !== base) return { module, file }
  const name = basename(base)
  if (base !== directory) return { module: importsPackage(file, name) ? `${name}.${module}` : module, file }
  const whole = relativeDepth(file) > 0 ? moduleNameOf(file) : null
  return whole === null ? { module, file: null } : { module: whole.module, file }
}

/** By name, without hidden folders and virtual environments. */
function foldersOf(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter(entry => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
      .map(entry => entry.name)
      .filter(name => isDirectory(join(directory, name)) && !isFile(join(directory, name, 'pyvenv.cfg')))
      .sort()
      .slice(0, MAX_FOLDERS)
  } catch {
    return []
  }
}
