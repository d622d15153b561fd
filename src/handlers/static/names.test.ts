import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { codingOf, contentTypeOf, hasContentHash } from './names.ts'

test('the extension gives the type; text has charset=utf-8', () => {
  for (const [name, type] of [
    ['a.css', 'text/css; charset=utf-8'],
    ['a.js', 'text/javascript; charset=utf-8'],
    ['a.mjs', 'text/javascript; charset=utf-8'],
    ['a.HTML', 'text/html; charset=utf-8'],
    ['a.json', 'application/json; charset=utf-8'],
    ['a.css.map', 'application/json; charset=utf-8'],
    ['a.svg', 'image/svg+xml; charset=utf-8'],
    ['a.png', 'image/png'],
    ['a.woff2', 'font/woff2'],
    ['a.wasm', 'application/wasm'],
    ['a.ico', 'image/x-icon'],
    ['a.js.gz', 'application/gzip'],
    ['LICENSE', 'application/octet-stream'],
    ['a.unheardof', 'application/octet-stream'],
    ['a.', 'application/octet-stream'],
    ['a.constructor', 'application/octet-stream'],
    ['a.__proto__', 'application/octet-stream'],
  ] as const)
    assert.equal(contentTypeOf(name), type, name)
})

test('only files that are named for their content have a coding: no archive, no file that programs open compressed', () => {
  for (const name of ['a.svgz', 'A.SVGZ', 'a.b.svgz', 'a.x3dz', 'a.x3dvz', 'a.x3dbz'])
    assert.equal(codingOf(name), 'gzip', name)
  const others = [
    'a.svg',
    'svgz',
    'a.svgz.txt',
    'a.tgz',
    'a.tar.gz',
    'a.svg.gz',
    'a.js.br',
    'a.emz',
    'a.wmz',
    'a.constructor',
  ]
  for (const name of others) assert.equal(codingOf(name), null, name)
})

test('names with a content hash', () => {
  for (const name of [
    'app.55e7cbb9ba48.css',
    'jquery.min.0208b96062ba.js',
    'app.css.8a1b2c3d4e5f.map',
    'main.3f2a1b9c.js',
    'main.3f2a1b9c.chunk.js',
    'main.3f2a1b9c.js.map',
    'logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg',
    'main-3f2a1b9c0d1e2f3a.js',
    'index-B3x9ab12.js',
    'index-B3x9ab12.css.map',
    'vue.runtime-B3x9ab12.js',
    'index-a-9_bX2k.css',
    'logo-Dq3xKz9_.png',
    'chunk-7QJ3KXYZ.js',
  ])
    assert.ok(hasContentHash(name), name)
})

test('names that only look hashed are not: an old file for a year is worse than a question each time', () => {
  for (const name of [
    'app.css',
    'jquery-3.7.1.min.js',
    'bootstrap.bundle.min.js',
    'user-settings.js',
    'react-Dropdown.js',
    'logo-Version2.png',
    'hero-iPhone15.png',
    'sale-SUMMER24.png',
    'menu-McDonald.png',
    'report.20240131.pdf',
    'report-20240131.pdf',
    'photo-2024-01-31.jpg',
    'avatar-507f1f77bcf86cd799439011.png',
    '123e4567-e89b-12d3-a456-426614174000.pdf',
    '55e7cbb9ba48.css',
    'app.deadbeef.css',
    'data.feedface',
    '55e7cbb9ba48',
    'fonts.css',
    '',
  ])
    assert.ok(!hasContentHash(name), name)
})

test('most hashes of bundlers are recognized', () => {
  const digests = Array.from({ length: 400 }, (_, i) => createHash('sha256').update(String(i)).digest())
  const share = (names: string[]) => names.filter(hasContentHash).length / names.length
  assert.ok(share(digests.map(digest => `app.${digest.toString('hex').slice(0, 12)}.css`)) > 0.95)
  assert.ok(share(digests.map(digest => `main.${digest.toString('hex').slice(0, 8)}.js`)) > 0.95)
  assert.ok(share(digests.map(digest => `index-${digest.toString('base64url').slice(0, 8)}.js`)) > 0.5)
})
