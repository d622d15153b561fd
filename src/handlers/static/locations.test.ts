import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import { CountedFiles } from '../../base/testing/counted-files.ts'
import { BY_NAME } from './entry.ts'
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
