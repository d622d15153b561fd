/**
 * What a Django project serves, by the text of its manage.py and settings. Runs nothing. Every project has a WSGI application. If it has
 * Channels or Daphne and an ASGI_APPLICATION, that is served: it can do more (WebSockets). Runs in the command line, and in the master
 * when it reloads.
 */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isFile, readText } from '../machine/files.ts'
import { fileOfModule } from './module-name.ts'
import { withoutComments } from './python-source.ts'

export interface DjangoProject {
  /** `mysite.wsgi`. */
  readonly module: string
  /** Null: one of the usual names. */
  readonly attribute: string | null
  readonly found: string
}

/** Settings in more files than this cannot be understood from their text. */
const MAX_SETTINGS_FILES = 20
export const SETTINGS_VARIABLE = 'DJANGO_SETTINGS_MODULE'
/** INSTALLED_APPS names an application by its package or by its configuration class. */
const CHANNELS = /['"](channels|daphne)(?:\.apps\.\w+)?['"]/

/** `settings`: the module that the environment names; it wins over manage.py. Null: no Django project. A text: why it cannot be served. */
export function findDjango(directory: string, settings: string | null): DjangoProject | string | null {
  const manage = readText(join(directory, 'manage.py'))
  if (manage === null || !manage.includes(SETTINGS_VARIABLE)) return null
  const usual = /DJANGO_SETTINGS_MODULE['"]\s*(?:,|\]\s*=)\s*['"]([\w.]+)['"]/.exec(manage)?.[1] ?? null
  const wsgi = findEntry('wsgi', usual, directory)
  const asgi = findAsgi(settings ?? usual, usual, directory)
  const module = asgi?.module ?? wsgi
  if (module === null) return 'manage.py of a Django project, but not where its wsgi.py is'
  const project = module.split('.').slice(0, -1).join('.') || basename(directory)
  const found = `found manage.py: Django project '${project}'`
  if (asgi === null) return { module, attribute: null, found: `${found}, serving ${module}` }
  const other = wsgi === null ? '' : `; for WSGI name it: jumak ${wsgi}`
  const { why, attribute } = asgi
  return { module, attribute, found: `${found} with ${why}, serving ${module} (ASGI_APPLICATION)${other}` }
}

/** The module of the project's wsgi.py: beside the settings, above them (`mysite.settings.production`), or the only wsgi.py. */
function findEntry(name: 'wsgi' | 'asgi', settings: string | null, directory: string): string | null {
  const parts = settings?.split('.') ?? []
  for (let length = parts.length - 1; length >= 0; length--) {
    const project = parts.slice(0, length)
    if (isFile(join(directory, ...project, `${name}.py`))) return [...project, name].join('.')
  }
  const projects = readdirSync(directory).filter(folder => isFile(join(directory, folder, `${name}.py`)))
  return projects.length === 1 ? `${projects[0]}.${name}` : null
}

interface Asgi {
  readonly module: string
  readonly attribute: string | null
  readonly why: string
}

function findAsgi(settings: string | null, usual: string | null, directory: string): Asgi | null {
  const text = readSettings(settings, directory)
  const names = /^[ \t]*ASGI_APPLICATION[ \t]*=[ \t]*(?:['"]([\w.]+)['"])?/m.exec(text)
  const installed = CHANNELS.exec(text)?.[1]
  if (names === null || installed === undefined) return null
  const why = installed === 'channels' ? 'Channels' : 'Daphne'
  const parts = names[1]?.split('.') ?? []
  if (parts.length > 1) return { module: parts.slice(0, -1).join('.'), attribute: parts.at(-1)!, why }
  // The settings compute it: take the usual place.
  const module = findEntry('asgi', usual, directory)
  return module === null ? null : { module, attribute: null, why }
}

/** The text of the settings and of their own files that they import, without comments. */
function readSettings(module: string | null, directory: string): string {
  const first = module === null ? null : fileOfModule(module, directory)
  const files = new Set(first === null ? [] : [first])
  let text = ''
  // The loop also visits files that are added while it runs.
  for (const file of files) {
    const own = withoutComments(readText(file) ?? '')
    text += `${own}\n`
    for (const [, from = ''] of own.matchAll(/^[ \t]*from[ \t]+([\w.]+)[ \t]+import\b/gm)) {
      const name = from.replace(/^\.+/, '')
      const dots = from.slice(0, from.length - name.length)
      const root = dots === '' ? directory : join(dirname(file), ...Array<string>(dots.length - 1).fill('..'))
      const imported = name === '' ? null : fileOfModule(name, root)
      if (imported !== null && files.size < MAX_SETTINGS_FILES) files.add(imported)
    }
  }
  return text
}
