import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHECK_MS, FileCache } from './cache.ts'
import { type Entry, MAX_CONTENT } from './entry.ts'

/** How many of the paths `/0`, `/1`, … it has. */
const kept = (cache: FileCache, paths: number) =>
  Array.from({ length: paths }, (_, i) => cache.last(`/${i}`)).filter(entry => entry !== undefined).length
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
})

test('bytes and number are bounded, and entries that were asked for lately stay', () => {
  for (const [bytes, capacity] of [
    [3 * MAX_CONTENT, Math.floor((16 * 1024 * 1024) / (3 * MAX_CONTENT))],
    [1, 2048],
  ] as const) {
    const cache = new FileCache()
    const hot = entryOf(bytes)
    cache.learn('/hot', hot, 0)
    for (let i = 0; i < 5000; i++) {
      cache.learn(`/${i}`, entryOf(bytes), 0)
      assert.equal(cache.fresh('/hot', 0), hot)
    }
    assert.equal(1 + kept(cache, 5000), capacity)
    assert.notEqual(cache.fresh('/4999', 0), undefined)
  }
})

test('the room of an entry is free again when its file changes or goes', () => {
  const cache = new FileCache()
  const large = 1024 * 1024
  for (let i = 0; i < 100; i++) {
    cache.learn('/changes', entryOf(large), 0)
    cache.learn('/goes', entryOf(large), 0)
    cache.learn('/goes', null, 0)
  }
  for (let i = 0; i < 15; i++) cache.learn(`/${i}`, entryOf(large), 0)
  assert.equal(kept(cache, 15), 15)
  assert.notEqual(cache.last('/changes'), undefined)
})

test('of the paths of strangers only few and short ones are kept', () => {
  const cache = new FileCache()
  cache.learn(`/${'x'.repeat(256)}`, null, 0)
  assert.equal(cache.fresh(`/${'x'.repeat(256)}`, 0), undefined)
  for (let i = 0; i < 1025; i++) cache.learn(`/${i}`, null, 0)
  assert.equal(cache.fresh('/0', 0), undefined)
  assert.equal(cache.fresh('/1024', 0), null)
})
