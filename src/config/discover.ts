/**
 * Which application to serve when none was named: a Django project by its manage.py, else the first usual file that
 * defines a usual name. Reads the files' text and runs nothing: importing a file that is no application could do anything.
 */
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DEFAULT_ATTRIBUTES } from './app-target.ts'
import type { Parsed } from './diagnostics.ts'
import { isFile, readText } from './files.ts'
import { topLevelNames } from './python-source.ts'
import type { AppTarget } from './types.ts'

const FILES: readonly string[] = ['wsgi.py', 'app.py', 'main.py']
const FACTORY = 'create_app'

/** The problem is a whole sentence, for it is about no value. */
export function discover(directory: string): Parsed<AppTarget> {
  const looked: string[] = []
  const manage = readText(join(directory, 'manage.py'))
  if (manage?.includes('DJANGO_SETTINGS_MODULE')) {
    const module = findDjangoModule(manage, directory)
    if (module !== null) return { value: djangoTarget(module, directory) }
    looked.push('manage.py of a Django project, but not where its wsgi.py is')
  }
  for (const file of FILES) {
    const text = readText(join(directory, file))
    if (text === null) continue
    const names = topLevelNames(text)
    const name = [...DEFAULT_ATTRIBUTES, FACTORY].find(usual => names.has(usual))
    if (name !== undefined) return { value: fileTarget(file, name) }
    looked.push(`${file}, but neither ${DEFAULT_ATTRIBUTES.join(' nor ')} nor ${FACTORY} in it`)
  }
  const seen =
    looked.length > 0
      ? `found ${looked.join(', and ')}`
      : `looked for manage.py (Django), ${FILES.slice(0, -1).join(', ')} and ${FILES.at(-1)}`
  return {
    problem: `there is no application to be found in ${directory}: ${seen}; name it, as in 'jumak mysite.wsgi' or 'jumak shop:app'`,
  }
}

function djangoTarget(module: string, directory: string): AppTarget {
  const project = module.split('.').slice(0, -1).join('.') || basename(directory)
  const found = `found manage.py: Django project '${project}', serving ${module}`
  return { module, file: null, attributes: DEFAULT_ATTRIBUTES, factory: false, display: module, found }
}

function fileTarget(file: string, name: string): AppTarget {
  const module = file.slice(0, -'.py'.length)
  const factory = name === FACTORY
  const display = `${module}:${name}${factory ? '()' : ''}`
  const found = `found ${file} with ${factory ? 'the factory ' : ''}'${name}', serving ${display}`
  return { module, file: null, attributes: [name], factory, display, found }
}

/** The module of the project's wsgi.py: beside the settings, above them (`mysite.settings.production`), or the only one. */
function findDjangoModule(manage: string, directory: string): string | null {
  const settings = /DJANGO_SETTINGS_MODULE['"]\s*(?:,|\]\s*=)\s*['"]([\w.]+)['"]/.exec(manage)?.[1]
  const parts = settings?.split('.') ?? []
  for (let length = parts.length - 1; length >= 0; length--) {
    const project = parts.slice(0, length)
    if (isFile(join(directory, ...project, 'wsgi.py'))) return [...project, 'wsgi'].join('.')
  }
  const projects = readdirSync(directory).filter(name => isFile(join(directory, name, 'wsgi.py')))
  return projects.length === 1 ? `${projects[0]}.wsgi` : null
}
