import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DiskNames } from './on-disk.ts'

test('a name is a file, a directory, or nothing; a link is what it leads to; seen once a second', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-names-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const at = (name: string) => Buffer.from(join(directory, name)).toString('latin1')
  writeFileSync(join(directory, 'é'), '')
  mkdirSync(join(directory, 'sub'))
  writeFileSync(join(directory, 'run'), '')
  chmodSync(join(directory, 'run'), 0o700)
  symlinkSync('sub', join(directory, 'link'))
  symlinkSync('nowhere', join(directory, 'broken'))
  const names = new DiskNames()
  assert.deepEqual(await names.look(at('é')), { isFile: true, isDirectory: false, isExecutable: false })
  assert.equal((await names.look(at('run')))!.isExecutable, true)
  assert.equal((await names.look(at('link')))!.isDirectory, true)
  for (const name of ['broken', 'none', 'run/x']) assert.equal(await names.look(at(name)), null, name)
  for (const name of ['', 'relative', '/a\0b', `/${'x'.repeat(5000)}`]) assert.equal(names.look(name), null, name)
  rmSync(join(directory, 'é'))
  assert.equal((names.look(at('é')) as { isFile: boolean }).isFile, true, 'within the call')
})
