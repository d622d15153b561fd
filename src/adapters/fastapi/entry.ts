/**
 * Which application `fastapi run` means: PATH, `--entrypoint`, `entrypoint` in `[tool.fastapi]` of `pyproject.toml`, or the first of the
 * usual files. Reads the text of files, and runs none of them: fastapi imports the file to find its application.
 */
import { join, resolve } from 'node:path'
import { topLevelNames, withoutComments } from '../../config/application/python-source.ts'
import { isDirectory, isFile, readText } from '../../config/machine/files.ts'
import { parseToml, type TomlValue } from '../../config/sources/toml.ts'

const USUAL = ['main.py', 'app.py', 'api.py', 'app/main.py', 'app/app.py', 'app/api.py']
const PREFERRED = ['app', 'api']
const PROJECT = 'pyproject.toml'

/** `place`: what named it, for messages. `problem`: a phrase that follows it. */
export type Entry = { readonly place: string } & ({ readonly app: string } | { readonly problem: string })

export interface Wanted {
  readonly path: string | null
  readonly app: string | null
  readonly entrypoint: string | null
}

export function findEntry({ path, app, entrypoint }: Wanted, directory: string): Entry {
  if (entrypoint !== null) {
    const place = '--entrypoint'
    if (path !== null || app !== null) return { place, problem: 'must stand alone, without PATH and --app' }
    return named(place, entrypoint)
  }
  if (path !== null) return inPath(path, app, directory)
  const project = app === null ? entryOfProject(directory) : null
  if (project !== null) return project
  const usual = USUAL.find(file => isFile(join(directory, file)))
  if (usual !== undefined) return inFile('PATH', usual, app, directory)
  return { place: 'PATH', problem: `must name a file: there is none of ${USUAL.join(', ')} in ${directory}` }
}

function named(place: string, entrypoint: string): Entry {
  return /^[\w.]+:[\w.]+$/.test(entrypoint)
    ? { place, app: entrypoint }
    : { place, problem: `must be MODULE:NAME, as in shop.main:app, not '${entrypoint}'` }
}

function inPath(path: string, app: string | null, directory: string): Entry {
  const whole = resolve(directory, path)
  if (isFile(whole)) return inFile('PATH', path, app, directory)
  const init = join(path, '__init__.py')
  if (isDirectory(whole) && isFile(resolve(directory, init))) return inFile('PATH', init, app, directory)
  const what = isDirectory(whole) ? 'a file, or a package with an __init__.py' : 'a file that exists'
  return { place: 'PATH', problem: `must name ${what}, not '${path}'` }
}

function inFile(place: string, file: string, app: string | null, directory: string): Entry {
  return { place, app: `${file}:${app ?? nameIn(readText(resolve(directory, file)) ?? '')}` }
}

/** As fastapi chooses, but by the text. Without any, the error says which names there are. */
function nameIn(source: string): string {
  const names = topLevelNames(source)
  const preferred = PREFERRED.find(name => names.has(name))
  if (preferred !== undefined) return preferred
  const made = withoutComments(source)
    .split('\n')
    .filter(line => line.includes('FastAPI(') && line.includes('='))
    .map(line => /^\w+/.exec(line)?.[0] ?? '')
  return made.find(name => names.has(name)) ?? 'app'
}

/** Null: the project says nothing of it. */
function entryOfProject(directory: string): Entry | null {
  const text = readText(join(directory, PROJECT))
  if (text === null) return null
  const parsed = parseToml(text)
  const place = `${PROJECT}: entrypoint`
  if ('message' in parsed) return { place: PROJECT, problem: `is wrong: ${parsed.message}` }
  const value = ['tool', 'fastapi', 'entrypoint'].reduce<TomlValue | undefined>(
    (table, key) => (table?.kind === 'table' ? table.entries.get(key)?.value : undefined),
    parsed,
  )
  if (value === undefined) return null
  return value.kind === 'string' ? named(place, value.text) : { place, problem: 'must be text: MODULE:NAME' }
}
