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
import { testApp, testConfig } from '../../config/testing/config.ts'
import type { Identity } from '../../config/types.ts'
import { openLog, prepareAccessLog } from '../output/log-files.ts'
import { giveTo, rootWarnings, usersOf } from './identity.ts'
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

test('what a root and its users should know: who is root, and who reaches the sockets of others', root, () => {
  const [shop, api] = [
    { uid: 4711, gid: 4711, userName: '' },
    { uid: 4712, gid: 4712, userName: '' },
  ]
  const warnings = (gatewayIdentity: Identity | null, ...identities: (Identity | null)[]) =>
    rootWarnings({ gatewayIdentity, apps: identities.map((identity, i) => testApp({ name: `app${i}`, identity })) })
  assert.match(warnings(null)[0]!, /^Jumak runs as root, and so does its gateway/)
  assert.match(warnings(null, null)[0]!, /^Jumak runs as root, and so does the application/)
  assert.deepEqual(warnings(null, null, null), [
    'Jumak runs as root, and so do its applications: name other users, as in user = "www-data"',
  ])
  assert.deepEqual(warnings(nobody, nobody), [])
  assert.match(warnings(null, shop).join(), /^the gateway, which .*, runs as root: name its user with --gateway-user$/)
  assert.match(warnings(nobody, null).join(), /^the application runs as root/)
  assert.match(warnings(nobody, shop, null).join(), /^app1 runs as root/)
  assert.deepEqual(warnings(nobody, shop, api), [])
  assert.match(warnings({ ...nobody, gid: 4712 }, shop, api).join(), /^app1 runs as a member of the gateway's group/)
  assert.deepEqual(
    usersOf({ gatewayIdentity: nobody, apps: [testApp({ identity: shop }), testApp({ identity: nobody })] }),
    [nobody, shop],
  )
})

test('a log that the gateway may not write is not opened by root where another user could redirect it', root, () => {
  const { link } = plant()
  const gateway = { uid: 4711, gid: 4711, userName: '' }
  mkdirSync(join(link, '../logs'))
  assert.throws(() => openLog([gateway, nobody], join(link, '../logs/log')), /user 65534 can replace .*logs;/)
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
