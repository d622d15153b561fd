/** Lists of directories as a page and as JSON: whatever a file is called, its name is text, and its link leads to it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Listed } from '../../handlers/static/listing.ts'
import { listingJson, listingPage, sizeWords } from './listing-page.ts'

const MODIFIED = Date.UTC(2026, 2, 1, 9, 30)

function file(name: string, size = 1): Listed {
  return { name, isDirectory: false, size, modified: MODIFIED }
}
function directory(name: string): Listed {
  return { name, isDirectory: true, size: 0, modified: MODIFIED }
}
/** Where a browser goes from the links of the page. */
function links(page: string, path: string): string[] {
  return [...page.matchAll(/href="([^"]*)"/g)].map(([, href]) =>
    new URL(href!.replaceAll('&amp;', '&'), `http://a.test${path}`).href.slice('http://a.test'.length),
  )
}

test('a name is text, and its link leads to it', () => {
  const names = ['<script>alert(1)</script>', `a"b'c&amp;`, 'javascript:alert(1)', '100%', 'what?#x', '막걸리 1.txt']
  const page = listingPage({ entries: names.map(name => file(name)), isCut: false }, '/x/')
  assert.doesNotMatch(page, /<script|"b'c|href="javascript:/)
  const files = links(page, '/x/').slice(-names.length)
  assert.deepEqual(
    files.map(path => decodeURIComponent(path)),
    names.map(name => `/x/${name}`),
  )
})

test('links lead up, and from a path without a slash at its end, too', () => {
  const listing = { entries: [directory('c'), file('d')], isCut: false }
  assert.deepEqual(links(listingPage(listing, '/a/b/'), '/a/b/'), ['/', '/a/', '/a/', '/a/b/c/', '/a/b/d'])
  assert.deepEqual(links(listingPage(listing, '/a/b'), '/a/b'), ['/', '/a/', '/a/', '/a/b/c/', '/a/b/d'])
  assert.deepEqual(links(listingPage(listing, '/'), '/'), ['/c/', '/d'])
})

test('the page says what is there, and what is not', () => {
  const page = (isCut: boolean, ...entries: Listed[]) => listingPage({ entries, isCut }, '/%3Cb%3E/%ff/')
  assert.match(page(false), /Nothing is here\./)
  assert.match(page(false, directory('c'), file('d', 2048)), /1 directory, 1 file, 2\.0 KB\./)
  assert.match(page(true, file('d')), /1 file, 1 B\. There is more here than one page lists\./)
  assert.match(page(false, file('d')), /<td>2026-03-01 09:30\n/)
  assert.doesNotMatch(page(false), /<b>\//)
})

test('JSON as nginx has it', () => {
  const entries = [directory('c'), file('a"b', 7)]
  assert.equal(
    listingJson({ entries, isCut: false }),
    '[\r\n{ "name":"c", "type":"directory", "mtime":"Sun, 01 Mar 2026 09:30:00 GMT" },\r\n' +
      '{ "name":"a\\"b", "type":"file", "mtime":"Sun, 01 Mar 2026 09:30:00 GMT", "size":7 }\r\n]',
  )
  assert.equal(listingJson({ entries: [], isCut: false }), '[\r\n]')
})

test('sizes are short', () => {
  const sizes = [0, 1023, 1024, 10_137, 10_188, 1_048_063, 1_048_064, 5_000_000_000].map(sizeWords)
  assert.deepEqual(sizes, ['0 B', '1023 B', '1.0 KB', '9.9 KB', '9.9 KB', '1023 KB', '1.0 MB', '4.7 GB'])
})
