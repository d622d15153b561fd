import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePath } from '../../http/path.ts'
import { arrangeMounts, findMount, type Mount, relativePath, withoutPrefix } from './paths.ts'

const MOUNTS = arrangeMounts([{ url: '/static/', directory: '/srv/static' }], '')

function find(path: string, mounts: readonly Mount[] = MOUNTS): string | null {
  const decoded = decodePath(path)
  const mount = decoded === null ? undefined : findMount(mounts, decoded)
  const relative = mount === undefined ? null : relativePath(mount, decoded!)
  return relative === null ? null : `${mount!.directories[0]}/${relative}`
}

test('paths of files', () => {
  for (const [path, expected] of [
    ['/static/a.css', '/srv/static/a.css'],
    ['/static/css/a.css', '/srv/static/css/a.css'],
    ['/static/a%20b.css', '/srv/static/a b.css'],
    ['/static/gr%C3%B6%C3%9Fe.css', '/srv/static/größe.css'],
    ['/%73tatic/a.css', '/srv/static/a.css'],
    ['/static/css%2Fa.css', '/srv/static/css/a.css'],
    ['/static/a..css', '/srv/static/a..css'],
    ['/static/a.', '/srv/static/a.'],
    ['/static/~a', '/srv/static/~a'],
    ['/static', null],
    ['/staticx/a.css', null],
    ['/other/a.css', null],
    ['*', null],
  ] as const)
    assert.equal(find(path), expected, path)
})

test('the prefix that a proxy names may still be in the path, or not', () => {
  const mounts = arrangeMounts(
    ['/', '/static/', '/shop/media/'].map(url => ({ url, directory: `/srv${url}` })),
    '',
  )
  for (const [path, prefix, expected] of [
    ['/shop/static/a.css', '/shop', '/static/a.css'],
    ['/static/a.css', '/shop', '/static/a.css'],
    ['/shop/media/a.png', '/shop', '/shop/media/a.png'],
    ['/shop/robots.txt', '/shop', '/robots.txt'],
    ['/shopping/static/a.css', '/shop', '/shopping/static/a.css'],
    ['/shop', '/shop', '/shop'],
    ['/ü/static/a.css', '/\xc3\xbc', '/static/a.css'],
  ] as const)
    assert.equal(withoutPrefix(mounts, path, prefix), expected, path)
})

for (const [what, ...paths] of [
  ['dot segments', '/static/../secret', '/static/a/../../secret', '/static/./a', '/static/..', '/static/.'],
  [
    'encoded dot segments',
    '/static/%2e%2e/secret',
    '/static/.%2E/secret',
    '/static/%2e%2e%2fsecret',
    '/static/..%2fsecret',
  ],
  ['NUL and control characters', '/static/a.css%00.png', '/static/%00', '/static/a%0a', '/static/a%7f'],
  ['backslashes', '/static/..\\secret', '/static/..%5csecret', '/static/a%5C..%5C..%5Csecret', '/static/a\\b'],
  [
    'overlong and wrong UTF-8',
    '/static/%c0%ae%c0%ae/secret',
    '/static/%e0%80%ae',
    '/static/%c0%af',
    '/static/%ff',
    '/static/%ed%a0%80',
  ],
  ['broken encodings', '/static/%', '/static/%2', '/static/%zz', '/static/%u002e'],
  ['empty segments', '/static/', '/static//a', '/static/a//b', '/static/a/', '/static/%2fetc/passwd'],
  [
    'hidden files',
    '/static/.env',
    '/static/.git/config',
    '/static/a/.htpasswd',
    '/static/%2eenv',
    '/static/.well-known/x',
  ],
] as const) {
  test(`no file: ${what}`, () => {
    for (const path of paths) assert.equal(find(path), null, path)
  })
}

test('a path is decoded once: the rest of a double encoding is part of the name', () => {
  assert.equal(find('/static/%252e%252e/secret'), '/srv/static/%2e%2e/secret')
  assert.equal(find('/static/%252fetc'), '/srv/static/%2fetc')
})

test('RFC8615: /.well-known/ is public, hidden files in it are not', () => {
  const mounts = arrangeMounts([{ url: '/', directory: '/srv/root' }], '')
  assert.equal(find('/.well-known/security.txt', mounts), '/srv/root/.well-known/security.txt')
  assert.equal(find('/.well-known/.secret', mounts), null)
  assert.equal(find('/.well-known/../.env', mounts), null)
  assert.equal(find('/a/.well-known/x', mounts), null)
  assert.equal(find('/.well-knownx', mounts), null)
  assert.equal(find('/.well-known/x', arrangeMounts([{ url: '/.well-known/', directory: '/w' }], '')), '/w/x')
})

test('the longest URL wins; the directories of one URL keep their order', () => {
  const mounts = arrangeMounts(
    [
      { url: '/', directory: '/root' },
      { url: '/static/', directory: '/new' },
      { url: '/static/admin/', directory: '/admin' },
      { url: '/static/', directory: '/old' },
      { url: '/static/', directory: '/new' },
    ],
    '',
  )
  assert.equal(find('/static/admin/a.css', mounts), '/admin/a.css')
  assert.equal(find('/robots.txt', mounts), '/root/robots.txt')
  assert.deepEqual(findMount(mounts, '/static/a')?.directories, ['/new', '/old'])
})

test('files are found below a root path, whether the proxy has stripped it or not', () => {
  const relative = arrangeMounts([{ url: '/static/', directory: '/srv' }], '/shop')
  assert.equal(find('/static/a.css', relative), '/srv/a.css')
  assert.equal(find('/shop/static/a.css', relative), '/srv/a.css')
  const absolute = arrangeMounts([{ url: '/shop/static/', directory: '/srv' }], '/shop')
  assert.equal(find('/static/a.css', absolute), '/srv/a.css')
  assert.equal(find('/shop/static/a.css', absolute), '/srv/a.css')
  const both = [
    { url: '/shop/static/', directory: '/one' },
    { url: '/static/', directory: '/two' },
  ]
  assert.equal(find('/static/a.css', arrangeMounts(both, '/shop')), '/two/a.css')
  assert.equal(find('/shop/static/a.css', arrangeMounts(both, '/shop')), '/one/a.css')
})

test('no path leaves the directory', () => {
  const pieces = fc.constantFrom(
    '..',
    '.',
    '/',
    '\\',
    '%',
    '%2e',
    '%2f',
    '%5c',
    '%00',
    '%252e',
    'a',
    '%c0%ae',
    '.git',
    '%25',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), parts => {
      const found = find(`/static/${parts.join('')}`)
      if (found === null) return
      assert.ok(join(found).startsWith('/srv/static/'), found)
      assert.ok(!/[\0\\]/.test(found))
      assert.ok(found.split('/').every(segment => !segment.startsWith('.')))
    }),
    { numRuns: 2000 },
  )
})

test('URLs are written from the root of a mounted application', () => {
  const urls = (url: string, rootPath: string) =>
    arrangeMounts([{ url, directory: '/d' }], rootPath, '/shop').map(mount => mount.url)
  assert.deepEqual(urls('/static/', ''), ['/shop/static/'])
  assert.deepEqual(urls('/shop/static/', ''), ['/shop/static/'])
  assert.deepEqual(urls('/static/', '/outer'), ['/outer/shop/static/', '/shop/static/'])
  assert.deepEqual(urls('/outer/shop/static/', '/outer'), ['/outer/shop/static/', '/shop/static/'])
})
