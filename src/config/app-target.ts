/** What APP means, and what to serve when it is not given. Looks at files, runs none of them. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import type { AppTarget } from './types.ts'

export type TargetResult = { readonly target: AppTarget } | { readonly problem: string }

const DEFAULT_ATTRIBUTES = ['application', 'app']
const MODULE = /^[^\W\d]\w*(?:\.[^\W\d]\w*)*$/u
const CANDIDATES = ['wsgi.py', 'app.py', 'main.py']

/** `module`, `module:callable`, `module:factory()`, `path/to/file.py[:callable]`; null: look around in `directory`. */
export function parseAppTarget(text: string | null, directory: string): TargetResult {
  if (text === null) return discover(directory)
  const match = /^(.+?)(?::([^:()/]+)(\(\))?)?$/.exec(text)
  if (match === null) return { problem: `APP must be a module or a file, like mysite.wsgi or app.py:app, not '${text}'` }
  const [, place, attribute, call] = match as unknown as [string, string, string | undefined, string | undefined]
  const attributes = attribute === undefined ? DEFAULT_ATTRIBUTES : [attribute]
  if (attribute !== undefined && !MODULE.test(attribute))
    return { problem: `'${attribute}' in APP '${text}' is not the name of an application` }
  const common = { attributes, factory: call !== undefined, display: text, found: '' }
  if (isFilePath(place, directory)) {
    const file = resolve(directory, place)
    if (!existsSync(file)) return { problem: `APP names the file ${place}, but there is none in ${directory}` }
    if (!statSync(file).isFile()) return { problem: `APP names ${place}, which is not a file` }
    return { target: { module: null, file, ...common } }
  }
  if (!MODULE.test(place)) return { problem: `APP '${text}' is neither a module (mysite.wsgi) nor a file (app.py)` }
  return { target: { module: place, file: null, ...common } }
}

/** `app.py` is a file where there is one, or where there is a slash; without either it would be the module `py` of a package `app`. */
function isFilePath(place: string, directory: string): boolean {
  if (isAbsolute(place) || place.includes('/')) return true
  return place.endsWith('.py') && (existsSync(join(directory, place)) || !existsSync(join(directory, place.slice(0, -3), 'py.py')))
}

function discover(directory: string): TargetResult {
  const manage = join(directory, 'manage.py')
  if (existsSync(manage)) return discoverDjango(manage, directory)
  for (const name of CANDIDATES) {
    const path = join(directory, name)
    if (!existsSync(path)) continue
    const attribute = definedName(readFileSync(path, 'utf8'))
    if (attribute === null) continue
    const factory = attribute === 'create_app'
    const display = `${name.slice(0, -3)}:${attribute}${factory ? '()' : ''}`
    const found = `found ${name} with '${attribute}', serving ${display}`
    return { target: { module: name.slice(0, -3), file: null, attributes: [attribute], factory, display, found } }
  }
  return {
    problem:
      `found no application in ${directory}: looked for manage.py (Django), and for application, app or create_app in ` +
      `${CANDIDATES.join(', ')}; name it: jumak mysite.wsgi, or jumak app:app`,
  }
}

function discoverDjango(manage: string, directory: string): TargetResult {
  const settings = /DJANGO_SETTINGS_MODULE['"]\s*,\s*['"]([\w.]+)['"]/.exec(readFileSync(manage, 'utf8'))?.[1]
  if (settings === undefined)
    return { problem: `found manage.py in ${directory}, but not which settings it uses; name the application: jumak mysite.wsgi` }
  // mysite.settings → mysite; mysite.settings.production → mysite.
  const parts = settings.split('.')
  for (let length = parts.length - 1; length > 0; length--) {
    const project = parts.slice(0, length)
    if (!existsSync(join(directory, ...project, 'wsgi.py'))) continue
    const module = [...project, 'wsgi'].join('.')
    const found = `found manage.py: Django project '${project.join('.')}', serving ${module}`
    return { target: { module, file: null, attributes: DEFAULT_ATTRIBUTES, factory: false, display: module, found } }
  }
  return { problem: `found manage.py with settings ${settings}, but no wsgi.py beside them; name the application: jumak mysite.wsgi` }
}

/** Which of the usual names the source defines at its top level. */
function definedName(source: string): string | null {
  for (const name of [...DEFAULT_ATTRIBUTES, 'create_app']) {
    const defined = new RegExp(`^(?:${name}\\s*(?::[^=\\n]+)?=(?!=)|def ${name}\\s*\\(|from .* import .*\\b${name}\\b)`, 'm')
    if (defined.test(source)) return name
  }
  return null
}
