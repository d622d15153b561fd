/**
 * What APP names here: a module, a file, a folder, or a file of PasteDeploy. Looks at which files there are, and runs none of them. A module that is not in
 * the directory is no error: it may be installed, and only Python knows. Runs in the command line, and in the master when it reloads.
 */
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import type { Parsed } from '../diagnostics.ts'
import { type AppName, isDottedName } from '../kinds/app-name.ts'
import { isDirectory, isFile, readText, statOrNull } from '../machine/files.ts'
import type { AppTarget } from '../types.ts'
import {
  DEFAULT_ATTRIBUTES,
  discover,
  discoverInPackage,
  IN_PACKAGES,
  type Located,
  type NotFound,
} from './discover.ts'
import { fileOfModule, importsPackage, moduleNameOf, relativeDepth } from './module-name.ts'
import { topLevelNames } from './python-source.ts'

/** A relative path starts at `directory`. `settings`: DJANGO_SETTINGS_MODULE of the environment. */
export function findTarget(
  name: AppName,
  directory: string,
  settings: string | null = null,
): Parsed<Located> | NotFound {
  const { place, callable, factory, arguments: passed, paste, text } = name
  const other = Object.entries(OTHER_FILES).find(([ending]) => place.endsWith(ending))
  if (other !== undefined) return { problem: other[1] }
  const path = resolve(directory, place)
  if (paste !== null && callable !== null) {
    const problem = whatIsWrongWithPaste(path, directory)
    const target = { module: null, file: path, attributes: [callable], factory, paste, display: text, found: '' }
    return problem === null ? { value: { target, directory } } : { problem }
  }
  if (callable === null && isDirectory(path)) {
    const found = findInFolder(place, path, directory, settings)
    if (found !== null) return found
  }
  const named = isPath(place, directory) ? nameFile(place, path, directory) : nameModule(place, directory)
  if ('problem' in named) return named
  const attributes = callable === null ? DEFAULT_ATTRIBUTES : [passed === '' ? callable : `${callable}(${passed})`]
  return { value: { target: { ...named, attributes, factory, paste, display: text, found: '' }, directory } }
}

/** A folder that is no package is a project, and the application's directory. Null: the name means a module. */
function findInFolder(
  place: string,
  folder: string,
  directory: string,
  settings: string | null,
): { readonly value: Located } | NotFound | null {
  const isWritten = isPath(place, directory)
  if (!isWritten && isFile(`${folder}.py`)) return null
  const init = readText(join(folder, '__init__.py'))
  if (init === null) {
    const found = discover(folder, settings)
    // A module with this name may be installed.
    return 'value' in found || isWritten ? found : null
  }
  const names = topLevelNames(init)
  if (!isWritten && DEFAULT_ATTRIBUTES.some(usual => names.has(usual))) return null
  const found = discoverInPackage(folder, directory)
  if (found !== null) return { value: found }
  const looked = `looked for application, app and create_app in ${IN_PACKAGES.join(', ')}`
  return isWritten ? { notFound: `there is no application in the package ${folder}: ${looked}` } : null
}

/** Files that other servers take in place of an application. */
const OTHER_FILES: Readonly<Record<string, string>> = {
  '.toml': 'must name an application: a file of settings is named with --config',
  '.pid': 'must name an application: new code comes with kill -HUP and the number in that file',
}

type Named = Pick<AppTarget, 'module' | 'file'>

function nameModule(place: string, directory: string): Named | { readonly problem: string } {
  if (isModuleName(place)) return { module: place, file: fileInSource(place, directory) }
  if (isFile(join(directory, `${place}.py`))) return { problem: `must be written as the file ${place}.py` }
  if (/^\d+$/.test(place)) return { problem: `must name an application: an address is written -b ${place}` }
  if (place.includes('(')) return { problem: 'must have a module before its factory, as in shop:create_app()' }
  return { problem: 'must be a module (mysite.wsgi) or the path of a file (app.py)' }
}

/** If the directory does not have it, its `src` may. */
function fileInSource(module: string, directory: string): string | null {
  const first = join(directory, module.split('.')[0]!)
  return isFile(`${first}.py`) || isDirectory(first) ? null : fileOfModule(module, join(directory, 'src'))
}

/** A file is loaded by its path, or as a module if its package can be imported or its own imports need the package. */
function nameFile(place: string, file: string, directory: string): Named | { readonly problem: string } {
  const problem = whatIsWrongWithFile(place, file, directory)
  if (problem !== null) return { problem }
  const named = moduleNameOf(file)
  if (named === null || named.root === dirname(file)) return { module: null, file }
  const isWanted =
    named.root === directory || relativeDepth(file) > 0 || importsPackage(file, named.module.split('.')[0]!)
  return { module: isWanted ? named.module : null, file }
}

/** Python can import `my-shop` by its name, although no import statement can. */
function isModuleName(place: string): boolean {
  return isDottedName(place.replaceAll('-', '_'))
}

/** `app.py` is a file, unless there is a package `app` with a module `py`. */
function isPath(place: string, directory: string): boolean {
  if (isAbsolute(place) || place.includes('/')) return true
  if (!place.endsWith('.py')) return false
  return isFile(join(directory, place)) || !isFile(join(directory, ...place.split('.').slice(0, -1), 'py.py'))
}

function whatIsWrongWithPaste(file: string, directory: string): string | null {
  if (!isFile(file)) return `must name a file that exists (looked in ${directory})`
  const text = readText(file)
  if (text === null) return 'must name a file that this user may read'
  const isOfUwsgi = /^\[uwsgi\]/m.test(text) && !/^\[(?:app|composite|pipeline|filter-app):/m.test(text)
  return isOfUwsgi ? 'must name an application: what stands in a uwsgi.ini are flags here, or keys of jumak.toml' : null
}

function whatIsWrongWithFile(place: string, file: string, directory: string): string | null {
  const stats = statOrNull(file)
  if (stats?.isDirectory()) return `must name a module before the colon, as in ${basename(place)}:app, not a directory`
  if (stats !== null && file.endsWith('.py')) return null
  if (isFile(`${file}.py`)) return `must be written as the file ${place}.py`
  if (stats !== null) return 'must name a Python file, ending in .py'
  return `must name a file that exists (looked in ${directory})`
}
