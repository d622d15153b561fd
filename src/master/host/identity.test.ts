import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { testConfig } from '../../config/testing/config.ts'
import { openLog, prepareAccessLog } from '../output/log-files.ts'
import { giveTo } from './identity.ts'
import { replaceableStep } from './safe-path.ts'

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

test('a link in the place of the file: the target does not change its owner', root, () => {
  const { secret, link } = plant()
  giveTo(nobody, link)
  assert.equal(statSync(secret).uid, 0)
  assert.equal(lstatSync(link).uid, nobody.uid)
})

test('through a log in a directory of the user nobody writes a file of root', root, () => {
  const { secret, link } = plant()
  assert.throws(() => openLog([nobody], link), { code: 'ELOOP' })
  rmSync(link)
  linkSync(secret, link)
  assert.throws(() => openLog([nobody], link), /has another name too/)
  rmSync(link)
  closeSync(openLog([nobody], link))
  assert.equal(statSync(link).uid, nobody.uid)
})

test('a log where only root may write is written by root', root, () => {
  const closed = mkdtempSync(join(directory, 'closed-'))
  closeSync(openLog([nobody], join(closed, 'log')))
  closeSync(openLog([nobody], join(closed, 'log')))
  assert.ok(existsSync(join(closed, 'log')))
})

test(
  'a directory of the user in the middle of a path leads root nowhere: no log is written or made behind it',
  root,
  () => {
    const { link } = plant()
    const own = join(link, '..')
    const [secret, logs] = [join(directory, 'only-root'), join(own, 'logs')]
    mkdirSync(secret)
    rmSync(link)
    const accessLog = { path: join(logs, 'log'), format: 'common', minStatus: 0, slowerThan: 0 }
    const config = testConfig({ accessLog, gatewayIdentity: nobody })
    for (const make of [() => mkdirSync(logs), () => symlinkSync(secret, logs)]) {
      make()
      assert.throws(
        () => openLog([nobody], join(logs, 'log')),
        /not safe for root to write: user 65534 can replace .*logs;/,
      )
      assert.throws(() => prepareAccessLog(config), /not safe for root to write/)
      rmSync(logs, { recursive: true })
    }
    assert.equal(existsSync(join(secret, 'log')), false)
  },
)

test(
  'a step can be replaced by a user who may write its directory, and in a sticky directory by its owner',
  root,
  () => {
    const step = (name: string, mode: number, owner = 0, group = 0) => {
      const path = join(directory, name)
      mkdirSync(path)
      mkdirSync(join(path, 'next'))
      chownSync(path, owner, group)
      chmodSync(path, mode)
      return replaceableStep(nobody, join(path, 'next/file')) === null
    }
    assert.equal(step('root-only', 0o755), true)
    assert.equal(step('group', 0o775, 0, 65_534), false)
    assert.equal(step('another-group', 0o775, 0, 4), true)
    assert.equal(step('everybody', 0o777), false)
    assert.equal(step('sticky', 0o1777), true)
    assert.equal(step('owner', 0o555, 65_534), false)
    chownSync(join(directory, 'sticky/next'), 65_534, 65_534)
    assert.equal(replaceableStep(nobody, join(directory, 'sticky/next/file')), join(directory, 'sticky/next'))
    symlinkSync(join(directory, 'everybody/next'), join(directory, 'link'))
    assert.equal(replaceableStep(nobody, join(directory, 'link/file')), join(directory, 'everybody/next'))
  },
)
