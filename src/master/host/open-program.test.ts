import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runAs } from './identity.ts'
import { CODE, openProgram } from './open-program.ts'

const USER = { uid: 4711, gid: 4711, userName: '' }

test('a program below a directory that only root may enter is copied to where other users can read it', {
  skip: process.getuid?.() !== 0 && 'needs root, to have several users',
}, t => {
  const root = mkdtempSync(join(tmpdir(), 'jumak-open-'))
  t.after(() => rmSync(root, { recursive: true }))
  const [closed, runtime] = [join(root, 'home'), join(root, 'jumak-1')]
  const program = join(closed, 'worker')
  mkdirSync(join(program, 'part'), { recursive: true })
  mkdirSync(join(runtime, 'shop'), { recursive: true })
  writeFileSync(join(program, 'part/a.py'), 'x = 1\n', { mode: 0o600 })
  for (const path of [root, runtime]) chmodSync(path, 0o711)
  chmodSync(closed, 0o755)
  const inShop = () => openProgram(USER, program, join(runtime, 'shop'))
  assert.equal(openProgram(null, program, join(runtime, 'shop')), program, 'nobody else runs it')
  assert.equal(inShop(), program, 'nothing is in its way')
  chmodSync(closed, 0o700)
  const copy = inShop()
  assert.equal(copy, join(runtime, CODE, 'worker'))
  const file = join(copy, 'part/a.py')
  assert.equal(
    runAs(USER, () => readFileSync(file, 'utf8')),
    'x = 1\n',
  )
  // Processes read from it: it stays as it is.
  const before = statSync(file).ino
  assert.equal(inShop(), copy)
  assert.deepEqual([statSync(file).ino, statSync(file).uid], [before, 0])
  // What a copy that was cut off has left is no copy.
  rmSync(copy, { recursive: true })
  mkdirSync(`${copy}.part`)
  assert.equal(inShop(), copy)
  assert.deepEqual(readdirSync(join(runtime, CODE)), ['worker'])
  // Where none can be made, it is the operator's to mend, and no bug of ours.
  rmSync(join(runtime, CODE), { recursive: true })
  writeFileSync(join(runtime, CODE), '')
  assert.throws(inShop, {
    name: 'OperatorError',
    message:
      /^user 4711 cannot read .*home\/worker, and it cannot be copied to .*\.code: .*install Jumak where all users may read it$/,
  })
})
