/** A directory with a shop and an API, and what a `jumak.toml` there gives: for the tests of several applications. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { checkSites } from '../check-sites.ts'
import { type Loaded, type LoadResult, loadConfig } from '../load.ts'
import type { Environment } from '../machine/environment.ts'
import { parseArguments } from '../sources/arguments.ts'
import type { AppConfig } from '../types.ts'
import { makeEnvironment, makeTree } from './tree.ts'

const CODE = { 'app.py': 'app = 1', 'shop/wsgi.py': 'application = 1', 'api/main.py': 'app = 1', 'api/.env': '' }

export interface Given {
  readonly words?: readonly string[]
  readonly variables?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}

function surroundings(t: TestContext, toml: string, { variables = {}, files = {} }: Given): Environment {
  return makeEnvironment(makeTree(t, { ...CODE, ...(toml === '' ? {} : { 'jumak.toml': toml }), ...files }), {
    uid: 0,
    gid: 0,
    variables,
  })
}

function load(t: TestContext, toml: string, given: Given = {}): { result: LoadResult; environment: Environment } {
  const environment = surroundings(t, toml, given)
  return { result: loadConfig(parseArguments(given.words ?? []), environment, checkSites), environment }
}

export function loaded(t: TestContext, toml: string, given: Given = {}): Loaded & { environment: Environment } {
  const { result, environment } = load(t, toml, given)
  assert.ok('config' in result, JSON.stringify(result))
  return { ...result, environment }
}

export function apps(t: TestContext, toml: string, given: Given = {}): Readonly<Record<string, AppConfig>> {
  return Object.fromEntries(loaded(t, toml, given).config.apps.map(app => [app.name, app]))
}

export function told(t: TestContext, toml: string, given: Given = {}): string[] {
  const { result, environment } = load(t, toml, given)
  assert.ok('diagnostics' in result, JSON.stringify(result))
  return result.diagnostics.map(one => one.message.replaceAll(environment.cwd, '.'))
}

export const SHOP = '[[app]]\nname = "shop"\napp = "shop.wsgi"\n'
export const API = '[[app]]\nname = "api"\napp = "api.main"\npath = "/api/"\n'
