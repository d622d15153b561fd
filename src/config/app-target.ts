/**
 * What APP means here: a module or a file. Looks at which files there are, and runs none of them. A module that is not
 * in the directory is no error: it may be installed, and only Python knows.
 */
import { isAbsolute, join, resolve } from 'node:path'
import { type AppName, isDottedName } from './app-name.ts'
import type { Parsed } from './diagnostics.ts'
import { isFile, statOrNull } from './files.ts'
import type { AppTarget } from './types.ts'

/** Tried in this order in a module that is named without a callable. */
export const DEFAULT_ATTRIBUTES: readonly string[] = ['application', 'app']

/** Relative paths are seen from `directory`, which is the application's. */
export function findTarget(name: AppName, directory: string): Parsed<AppTarget> {
  const { place } = name
  const common = {
    attributes: name.callable === null ? DEFAULT_ATTRIBUTES : [name.callable],
    factory: name.factory,
    display: name.text,
    found: '',
  }
  if (isPath(place, directory)) {
    const file = resolve(directory, place)
    const problem = whatIsWrongWithFile(place, file, directory)
    return problem === null ? { value: { module: null, file, ...common } } : { problem }
  }
  if (isModuleName(place)) return { value: { module: place, file: null, ...common } }
  if (isFile(join(directory, `${place}.py`))) return { problem: `must be written as the file ${place}.py` }
  if (place.includes('(')) return { problem: 'must have a module before its factory, as in shop:create_app()' }
  return { problem: 'must be a module (mysite.wsgi) or the path of a file (app.py)' }
}

/** Python imports `my-shop` by that name too, although no import statement can. */
function isModuleName(place: string): boolean {
  return isDottedName(place.replaceAll('-', '_'))
}

/** `app.py` without a slash could be the module `py` of a package `app`; only where that exists it is. */
function isPath(place: string, directory: string): boolean {
  if (isAbsolute(place) || place.includes('/')) return true
  if (!place.endsWith('.py')) return false
  return isFile(join(directory, place)) || !isFile(join(directory, ...place.split('.').slice(0, -1), 'py.py'))
}

function whatIsWrongWithFile(place: string, file: string, directory: string): string | null {
  const stats = statOrNull(file)
  if (stats?.isDirectory()) return `must name a file, and this is a directory (serve it with --chdir ${place})`
  if (stats !== null && file.endsWith('.py')) return null
  if (isFile(`${file}.py`)) return `must be written as the file ${place}.py`
  if (stats !== null) return 'must name a Python file, ending in .py'
  return `must name a file that exists (looked in ${directory})`
}
