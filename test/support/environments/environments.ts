/**
 * Python environments for tests, made once under `.cache/test-venvs/`. Versions are
 * pinned in the requirements files beside this one, for each Python. `npm test` makes them before the first test, so
 * tests that run side by side find them ready.
 */
import { join } from 'node:path'
import { ensureVenv, type Interpreter, pythonsAtHand, SetupError } from '../../../scripts/lib/python.ts'
import { ROOT } from '../paths.ts'

/** A requirements file: `example-django` is what examples/django-shop needs, `compose` what examples/docker-compose needs, `http2` has clients, `uvicorn` and `gunicorn` are for comparisons. */
export type PackageSet =
  | 'example-django'
  | 'flask'
  | 'cherrypy'
  | 'asgi'
  | 'socketio'
  | 'http2'
  | 'gevent'
  | 'compose'
  | 'paste'
  | 'uvicorn'
  | 'gunicorn'

export interface EnvironmentRequest {
  /** The ends of what is at hand, or an exact version such as `3.11.7`. */
  readonly python: 'oldest' | 'newest' | (string & {})
  readonly packages: PackageSet
}

export interface Environment {
  /** Path of the environment's interpreter. */
  readonly python: string
  readonly version: string
}

/** Those that `npm test` makes. */
export const PACKAGE_SETS: readonly PackageSet[] = [
  'example-django',
  'flask',
  'cherrypy',
  'asgi',
  'socketio',
  'http2',
  'gevent',
  'compose',
  'paste',
]

let ends: Promise<Interpreter[]> | null = null

/** The Pythons that tests run on: the oldest and the newest at hand. They may be the same one, or none. */
export function testedPythons(): Promise<Interpreter[]> {
  ends ??= pythonsAtHand('ends')
  return ends
}

/** For `test(..., { skip: await whyNoPython() })`: why nothing that needs Python can run here, or false. */
export async function whyNoPython(): Promise<string | false> {
  return (await testedPythons()).length === 0 && 'no Python 3.9 or newer with venv and pip at hand'
}

/** Fails with a sentence that says what is missing. Needs the network the first time. */
export async function ensureEnvironment(request: EnvironmentRequest): Promise<Environment> {
  const interpreter = await choose(request.python)
  const python = await ensureVenv({
    interpreter,
    directory: join(ROOT, '.cache/test-venvs', `${interpreter.version}-${request.packages}`),
    requirements: join(import.meta.dirname, `${request.packages}.txt`),
    what: request.packages,
  })
  return { python, version: interpreter.version }
}

async function choose(wanted: string): Promise<Interpreter> {
  const found = wanted === 'oldest' || wanted === 'newest' ? await testedPythons() : await pythonsAtHand('all')
  if (found.length === 0) throw new SetupError((await whyNoPython()) || 'no Python at hand')
  if (wanted === 'oldest') return found[0]!
  if (wanted === 'newest') return found.at(-1)!
  const exact = found.find(one => one.version === wanted)
  if (!exact) throw new SetupError(`no Python ${wanted} at hand, only ${found.map(one => one.version).join(', ')}`)
  return exact
}
