import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHECK_MS, FileCache } from './cache.ts'
import { type Entry, MAX_CONTENT } from './entry.ts'

const entryOf = (bytes: number) => ({ bytes }) as Entry

test('entries and absences are believed for a moment', () => {
  const cache = new FileCache()
  const entry = entryOf(1)
  cache.learn('/a', entry, 100)
  cache.learn('/b', null, 100)
  assert.equal(cache.fresh('/a', 100 + CHECK_MS - 1), entry)
  assert.equal(cache.fresh('/b', 100 + CHECK_MS - 1), null)
  assert.equal(cache.fresh('/a', 100 + CHECK_MS), undefined)
  assert.equal(cache.fresh('/b', 100 + CHECK_MS), undefined)
  assert.equal(cache.fresh('/c', 100), undefined)
  assert.equal(cache.last('/a'), entry)
  cache.learn('/b', entry, 200)
  cache.learn('/a', null, 200)
  assert.equal(cache.fresh('/b', 200), entry)
  assert.equal(cache.fresh('/a', 200), null)
  assert.equal(cache.bytes, 1)
})

test('bytes and number are bounded, and entries that were asked for lately stay', () => {
  for (const bytes of [3 * MAX_CONTENT, 1]) {
    const cache = new FileCache()
    const hot = entryOf(bytes)
    cache.learn('/hot', hot, 0)
    for (let i = 0; i < 5000; i++) {
      cache.learn(`/${i}`, entryOf(bytes), 0)
      assert.equal(cache.fresh('/hot', 0), hot)
      assert.ok(cache.bytes <= 16 * 1024 * 1024)
      assert.ok(cache.size <= 2048)
    }
    assert.equal(cache.bytes, cache.size * bytes)
    assert.notEqual(cache.fresh('/4999', 0), undefined)
  }
})

test('of the paths of strangers only few and short ones are kept', () => {
  const cache = new FileCache()
  cache.learn(`/${'x'.repeat(256)}`, null, 0)
  assert.equal(cache.fresh(`/${'x'.repeat(256)}`, 0), undefined)
  for (let i = 0; i < 1025; i++) cache.learn(`/${i}`, null, 0)
  assert.equal(cache.fresh('/0', 0), undefined)
  assert.equal(cache.fresh('/1024', 0), null)
})
