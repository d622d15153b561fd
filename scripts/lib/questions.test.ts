/** `jumak --version` and `--help` answer at once because they load little. These tests look at what is loaded, not at a clock. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { test } from 'node:test'
import { importsOf } from './layers.ts'

const ROOT = join(import.meta.dirname, '../..')

/** All that is loaded with a file: modules of ours as paths, others by name. */
function loadedWith(path: string, followed = new Set<string>()): Set<string> {
  if (followed.has(path)) return followed
  followed.add(path)
  for (const { specifier, typeOnly } of importsOf(readFileSync(join(ROOT, path), 'utf8')))
    if (specifier.startsWith('.') && !typeOnly) loadedWith(join(dirname(path), specifier), followed)
    else if (!typeOnly) followed.add(specifier)
  return followed
}

test('a question loads the definitions of the settings, no package, and nothing that serves', () => {
  const loaded = [...loadedWith('src/cli/questions.ts')]
  assert.ok(loaded.includes('src/config/settings/index.ts'))
  const packages = loaded.filter(name => !name.startsWith('src/') && !name.startsWith('node:'))
  assert.deepEqual(packages, [])
  const others = loaded.filter(
    name => /^src\/(?!cli|config|base)/.test(name) || /(?:load|assemble|run)\.ts$/.test(name),
  )
  assert.deepEqual(others, [])
})
