/** A command answers at once: it loads the configuration and the messages, and nothing that serves. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { importsOf } from '../../../scripts/lib/layers.ts'

const SRC = join(import.meta.dirname, '../..')

/** All files that are loaded with this one. */
function loadedWith(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found
  found.add(path)
  for (const { specifier, typeOnly } of importsOf(readFileSync(path, 'utf8')))
    if (specifier.startsWith('.') && !typeOnly) loadedWith(join(dirname(path), specifier), found)
  return found
}

test('the client of the admin socket loads no code that serves', () => {
  const loaded = [...loadedWith(join(import.meta.dirname, 'run.ts'))].map(path => relative(SRC, path))
  assert.ok(loaded.includes('config/load.ts'))
  const serving = loaded.filter(path => !/^(?:base|cli|config|control)\//.test(path))
  // Passwords and limits are read with the configuration. A server of an upstream is an address, as in `bind`.
  const ofSites = ['access/password-file.ts', 'access/password-hash.ts', 'http/authority.ts', 'limits/bounds.ts']
  const ofOutput = ['master/output/describe.ts', 'master/output/upstream-lines.ts']
  assert.deepEqual(serving.toSorted(), [...ofSites, ...ofOutput, 'routing/hosts.ts', 'sites/single-server.ts'])
})
