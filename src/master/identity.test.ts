import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { giveTo } from './identity.ts'
import { openLog } from './log-files.ts'

const root = { skip: process.getuid?.() !== 0 && 'needs root, to be another user' }
const nobody = { uid: 65_534, gid: 65_534, userName: '' }

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'jt-'))
  chmodSync(directory, 0o755)
})
afterEach(() => rmSync(directory, { recursive: true }))

/** A file that only root may write, and a link to it in a directory of the user's. */
function plant(): { secret: string; link: string } {
  const [secret, own] = [join(directory, 'secret'), mkdtempSync(join(directory, 'own-'))]
  chownSync(own, nobody.uid, nobody.gid)
  writeFileSync(secret, 'secret\n', { mode: 0o600 })
  const link = join(own, 'link')
  symlinkSync(secret, link)
  return { secret, link }
}

test('a link that was put in the place of what is given away gives nothing else away', root, () => {
  const { secret, link } = plant()
  giveTo(nobody, link)
  assert.equal(statSync(secret).uid, 0)
  assert.equal(lstatSync(link).uid, nobody.uid)
})

test('a log in a directory of the user is no way to write a file of root', root, () => {
  const { secret, link } = plant()
  assert.throws(() => openLog(nobody, link), { code: 'ELOOP' })
  rmSync(link)
  linkSync(secret, link)
  assert.throws(() => openLog(nobody, link), /has another name too/)
  rmSync(link)
  closeSync(openLog(nobody, link))
  assert.equal(statSync(link).uid, nobody.uid)
})

test('a log where only root may write is written by root', root, () => {
  const closed = mkdtempSync(join(directory, 'closed-'))
  closeSync(openLog(nobody, join(closed, 'log')))
  closeSync(openLog(nobody, join(closed, 'log')))
  assert.ok(existsSync(join(closed, 'log')))
})
