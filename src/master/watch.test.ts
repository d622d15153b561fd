import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type FileEvent, isIgnored, matters } from './watch.ts'

const KNOWN = {
  isImported: (path: string) => path === '/srv/shop/views.py',
  envFiles: ['/srv/shop/local'],
  isBroken: false,
}

for (const [event, path, expected] of [
  ['change', '/srv/shop/views.py', true],
  ['unlink', '/srv/shop/views.py', true],
  ['change', '/srv/shop/unused.py', false],
  ['unlink', '/srv/shop/unused.py', false],
  ['add', '/srv/shop/admin.py', true],
  ['change', '/srv/shop/page.html', true],
  ['change', '/srv/shop/templates/mail.txt', true],
  ['change', '/srv/shop/notes.txt', false],
  ['change', '/srv/shop/db.sqlite3', false],
  ['add', '/srv/shop/media/photo.jpg', false],
  ['change', '/srv/shop/.env', true],
  ['change', '/srv/shop/.env.local', true],
  ['change', '/srv/shop/local', true],
] as const satisfies readonly (readonly [FileEvent, string, boolean])[])
  test(`${event} of ${path} ${expected ? 'matters' : 'does not matter'}`, () => {
    assert.equal(matters(event, path, KNOWN), expected)
  })

test('while the code is broken any module may be what mends it', () => {
  assert.ok(matters('change', '/srv/shop/unused.py', { ...KNOWN, isBroken: true }))
  assert.ok(!matters('change', '/srv/shop/notes.txt', { ...KNOWN, isBroken: true }))
})

test("others' code and virtual environments of any name are not looked at", t => {
  const root = mkdtempSync(join(tmpdir(), 'jumak-watch-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'my-env'))
  writeFileSync(join(root, 'my-env/pyvenv.cfg'), '')
  for (const name of ['my-env', 'node_modules', 'a/node_modules/b', '.git/HEAD', 'shop/__pycache__/views.pyc'])
    assert.ok(isIgnored(join(root, name), root), name)
  for (const name of ['shop', 'shop/views.py', '.env']) assert.ok(!isIgnored(join(root, name), root), name)
  // Where the project itself lies is not its fault.
  assert.ok(!isIgnored('/home/me/venv/shop/views.py', '/home/me/venv/shop'))
})
