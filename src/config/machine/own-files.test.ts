import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { closedDirectory } from './own-files.ts'

test('a directory above that others may not enter closes the file', t => {
  const root = mkdtempSync(join(tmpdir(), 'jumak-closed-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'a/b'), { recursive: true })
  chmodSync(root, 0o755)
  const above = closedDirectory(root)
  assert.equal(closedDirectory(join(root, 'a/b/file')), above)
  chmodSync(join(root, 'a'), 0o700)
  assert.equal(closedDirectory(join(root, 'a/b/file')), join(root, 'a'))
})
