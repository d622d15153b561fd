/**
 * Which virtual environment belongs to a project: the active one, `.venv` or `venv` in its directory or in one above it, or the one that
 * uv or poetry made for it elsewhere. Runs in the master.
 *
 * It looks at names only. `python.ts` finds out whether there is a Python that works.
 */
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

export interface VirtualEnvironment {
  readonly directory: string
  /** For the start-up line. */
  readonly reason: string
  /** The variable that names it; null: it was found. A named one without a Python is an error, and the next one is not tried. */
  readonly namedBy: string | null
}

type Variables = Readonly<Record<string, string | undefined>>

/** conda's own environment is active in every shell that has conda, so nobody has chosen it. */
const CONDA_BASE: ReadonlySet<string> = new Set(['base', 'root'])

/** In the order in which they are tried. `directory`: the application's. */
export function virtualEnvironments(directory: string, variables: Variables, platform: string): VirtualEnvironment[] {
  const found: VirtualEnvironment[] = []
  const active = variables['VIRTUAL_ENV']
  if (active) found.push({ directory: active, reason: 'the active virtual environment', namedBy: 'VIRTUAL_ENV' })
  const conda = variables['CONDA_PREFIX']
  if (conda && !CONDA_BASE.has(variables['CONDA_DEFAULT_ENV'] ?? ''))
    found.push({ directory: conda, reason: 'the active conda environment', namedBy: 'CONDA_PREFIX' })
  const folders = [directory, ...trustedParents(directory)]
  const project = folders.find(folder => exists(join(folder, 'pyproject.toml')))
  const uv = variables['UV_PROJECT_ENVIRONMENT']
  if (uv && project !== undefined) {
    const workspace = folders.find(folder => exists(join(folder, 'uv.lock'))) ?? project
    const reason = "the project's environment of uv"
    found.push({ directory: resolve(workspace, uv), reason, namedBy: null })
  }
  for (const folder of folders)
    for (const name of ['.venv', 'venv']) {
      const reason = folder === directory ? `${name} in the application's directory` : `${name} in ${folder}`
      found.push({ directory: join(folder, name), reason, namedBy: null })
    }
  const poetry = project === undefined ? null : findPoetry(project, variables, platform)
  if (poetry !== null) found.push({ directory: poetry, reason: "the project's environment of poetry", namedBy: null })
  return found
}

/** The directories above this one, up to the first in which anybody may put an environment, such as /tmp. */
function trustedParents(directory: string): string[] {
  const parents: string[] = []
  for (let folder = dirname(directory); folder !== dirname(folder) && !isEverybodys(folder); folder = dirname(folder))
    parents.push(folder)
  return parents
}

function isEverybodys(folder: string): boolean {
  const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0o002
  return (mode & 0o002) !== 0
}

/**
 * `shop-ktVLfCqp-py3.11`: the project's name, 8 characters of the SHA-256 of its path in base64, and the version. Of several, poetry's
 * `envs.toml` names the one in use; otherwise it is the newest.
 */
function findPoetry(project: string, variables: Variables, platform: string): string | null {
  const home = variables['HOME'] ?? ''
  const caches =
    platform === 'darwin' ? join(home, 'Library/Caches') : variables['XDG_CACHE_HOME'] || join(home, '.cache')
  const cache = variables['POETRY_CACHE_DIR'] || join(caches, 'pypoetry')
  const folder = variables['POETRY_VIRTUALENVS_PATH'] || join(cache, 'virtualenvs')
  const names = readNames(folder)
  if (names.length === 0) return null
  const hash = poetryHash(realpathSync(project))
  const own = names.flatMap(name => {
    const minor = name.includes(`-${hash}-py3.`) ? /\.(\d+)$/.exec(name)?.[1] : undefined
    return minor === undefined ? [] : [{ name, minor: Number(minor) }]
  })
  if (own.length === 0) return null
  const chosen = chosenByPoetry(folder, own[0]!.name.replace(/-py3\.\d+$/, ''))
  const newest = own.toSorted((a, b) => b.minor - a.minor)[0]!
  return join(folder, (own.find(({ name }) => name.endsWith(`-py${chosen}`)) ?? newest).name)
}

/** As in the names of poetry's environments since its first release. */
export function poetryHash(path: string): string {
  return createHash('sha256').update(path).digest('base64url').slice(0, 8)
}

function chosenByPoetry(folder: string, name: string): string | null {
  try {
    const lines = readFileSync(join(folder, 'envs.toml'), 'utf8').split('\n')
    const table = lines.slice(lines.findIndex(line => line.trim().replaceAll('"', '') === `[${name}]`) + 1)
    return /^minor = "([\d.]+)"/.exec(table.find(line => line.startsWith('minor')) ?? '')?.[1] ?? null
  } catch {
    return null
  }
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
