import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isIgnored, matters } from './watch.ts'

const KNOWN = {
  isImported: (path: string) => path === '/srv/shop/views.py',
  envFiles: ['/srv/shop/local'],
  isBroken: false,
}

for (const [what, path, expected] of [
  ['another file', '/srv/shop/views.py', true],
  ['another file', '/srv/shop/unused.py', false],
  ['a new file', '/srv/shop/admin.py', true],
  ['another file', '/srv/shop/page.html', true],
  ['another file', '/srv/shop/templates/mail.txt', true],
  ['another file', '/srv/shop/notes.txt', false],
  ['a new file', '/srv/shop/.#views.py', false],
  ['a new file', '/srv/shop/templates/page.html~', false],
  ['another file', '/srv/shop/locale/de/LC_MESSAGES/django.mo', true],
  ['another file', '/srv/shop/db.sqlite3', false],
  ['a new file', '/srv/shop/media/photo.jpg', false],
  ['another file', '/srv/shop/.env', true],
  ['another file', '/srv/shop/.env.local', true],
  ['another file', '/srv/shop/local', true],
] as const)
  test(`${what} at ${path} ${expected ? 'matters' : 'does not matter'}`, () => {
    assert.equal(matters(path, what === 'a new file', KNOWN), expected)
  })

test('while the code is broken, a change of any module matters', () => {
  assert.ok(matters('/srv/shop/unused.py', false, { ...KNOWN, isBroken: true }))
  assert.ok(!matters('/srv/shop/notes.txt', false, { ...KNOWN, isBroken: true }))
})

test("other people's code and virtual environments of any name are left out", t => {
  const root = mkdtempSync(join(tmpdir(), 'jumak-watch-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'my-env'))
  writeFileSync(join(root, 'my-env/pyvenv.cfg'), '')
  for (const name of ['my-env', 'node_modules', 'a/node_modules/b', '.git/HEAD', 'shop/__pycache__/views.pyc'])
    assert.ok(isIgnored(join(root, name), root), name)
  for (const name of ['shop', 'shop/views.py', '.env']) assert.ok(!isIgnored(join(root, name), root), name)
  // The directories above the project do not matter.
  assert.ok(!isIgnored('/home/me/venv/shop/views.py', '/home/me/venv/shop'))
})
