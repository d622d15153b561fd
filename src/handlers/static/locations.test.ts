import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import { CountedFiles } from '../../base/testing/counted-files.ts'
import { BY_NAME, type FilePolicy } from './entry.ts'
import { type FilePlace, LocationFiles } from './locations.ts'

/** This very file, and its directory. */
const HERE = import.meta.filename

test('a location may have the root of the system as its directory', async () => {
  const files = new LocationFiles(new CountedFiles(4), FakeExchange.failed)
  const place = (path: string): FilePlace => ({ base: '', relative: path.slice(1), policy: BY_NAME, policyId: 0 })
  assert.equal(await files.isDirectory(place(dirname(HERE))), true)
  assert.equal(await files.isFile(place(HERE)), true)
  assert.equal(await files.isFile(place(dirname(HERE))), false)
  assert.equal(await files.isFile(place(join(HERE, 'no'))), false)
})

test('links are followed within the directory, nowhere, or everywhere, as the location says', async t => {
  const outer = realpathSync(mkdtempSync(join(tmpdir(), 'jumak-links-')))
  t.after(() => rmSync(outer, { recursive: true }))
  const base = join(outer, 'www')
  mkdirSync(join(base, 'a'), { recursive: true })
  mkdirSync(join(outer, 'other'))
  for (const name of ['www/a/x', 'other/x']) writeFileSync(join(outer, name), name)
  symlinkSync('a', join(base, 'inner'))
  symlinkSync('../other', join(base, 'outer'))
  symlinkSync(base, join(outer, 'current'))
  const openFiles = new CountedFiles(4)
  const files = new LocationFiles(openFiles, FakeExchange.failed)
  const seen = async (linkRule: FilePolicy['linkRule'], policyId: number) => {
    const found: string[] = []
    for (const relative of ['a/x', 'inner/x', 'outer/x', 'a', 'inner', 'outer/']) {
      const place = { base: join(outer, 'current'), relative, policy: { ...BY_NAME, linkRule }, policyId }
      const isThere = relative.endsWith('x') ? await files.isFile(place) : await files.isDirectory(place)
      if (isThere) found.push(relative)
    }
    return found
  }
  assert.deepEqual(await seen('within', 1), ['a/x', 'inner/x', 'a', 'inner'])
  assert.deepEqual(await seen('none', 2), ['a/x', 'a'])
  assert.deepEqual(await seen('all', 3), ['a/x', 'inner/x', 'outer/x', 'a', 'inner', 'outer/'])
  assert.equal(openFiles.count, 0)
})
