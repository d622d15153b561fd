import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from '../../test/support/project.ts'
import { passWrapper, probePython } from './python.ts'

const { found } = await probePython('python3')

test('tests call the Python itself, and not its wrapper', { skip: found === null && 'no Python' }, async t => {
  const directory = temporaryDirectory(t)
  const own = process.env['PATH']
  t.after(() => {
    process.env['PATH'] = own
  })
  const { executable } = found!
  writeFileSync(join(directory, 'python3'), `#!/bin/sh\nexec ${executable} "$@"\n`)
  chmodSync(join(directory, 'python3'), 0o755)
  process.env['PATH'] = directory
  await passWrapper()
  assert.equal(process.env['PATH'], `${dirname(executable)}:${directory}`)
  await passWrapper()
  assert.equal(process.env['PATH'], `${dirname(executable)}:${directory}`)
})
