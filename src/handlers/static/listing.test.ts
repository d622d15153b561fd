/** The list of a directory has what may be asked for, and nothing else. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { LinkRule } from './files.ts'
import { listBelow } from './listing.ts'
import { Site } from './testing/site.ts'

const namesIn = async (site: Site, relative = '', rule: LinkRule = 'within') =>
  (await listBelow(site.root, relative, site.openFiles, rule))?.entries.map(({ name }) => name)

test('directories come first, each kind by its name, with size and date', async t => {
  const site = new Site(t)
  const at = new Date('2026-03-01T12:00:00Z')
  site.write('b.txt', '12345', at)
  site.write('a.txt', '')
  site.write('z/x', '')
  site.write('y/x', '')
  const listing = (await listBelow(site.root, '', site.openFiles, 'within'))!
  assert.deepEqual(
    listing.entries.map(({ name, isDirectory }) => [name, isDirectory]),
    [
      ['y', true],
      ['z', true],
      ['a.txt', false],
      ['b.txt', false],
    ],
  )
  assert.deepEqual(listing.entries[3], { name: 'b.txt', isDirectory: false, size: 5, modified: at.getTime() })
  assert.equal(listing.isCut, false)
  assert.deepEqual(await namesIn(site, 'z/'), ['x'])
  assert.equal(await namesIn(site, 'nothing/'), undefined)
  assert.equal(await namesIn(site, 'a.txt'), undefined)
  assert.equal(site.openFiles.count, 0)
})

test('what no request would find is not in it', async t => {
  const site = new Site(t)
  writeFileSync(join(site.base, 'secret'), 'secret')
  for (const name of ['.env', '.git/config', 'a\\b', 'line\nbreak', 'good']) site.write(name, '')
  writeFileSync(Buffer.concat([Buffer.from(`${site.root}/`), Buffer.from([0x6e, 0xff])]), '')
  symlinkSync('../secret', join(site.root, 'out'))
  symlinkSync('..', join(site.root, 'up'))
  symlinkSync('nowhere', join(site.root, 'broken'))
  symlinkSync('loop', join(site.root, 'loop'))
  symlinkSync('good', join(site.root, 'within'))
  execFileSync('mkfifo', [join(site.root, 'fifo')])
  assert.deepEqual(await namesIn(site), ['good', 'within'])
  assert.equal(await namesIn(site, 'up/'), undefined)
  assert.deepEqual(await namesIn(site, '', 'none'), ['good'])
  assert.deepEqual(await namesIn(site, '', 'all'), ['up', 'good', 'out', 'within'])
})

test('a large directory is read so far and no further', async t => {
  const site = new Site(t)
  for (const name of ['a', 'b', 'c', 'd']) site.write(name, '')
  const ofThree = await listBelow(site.root, '', site.openFiles, 'within', 3)
  assert.equal(ofThree?.entries.length, 3)
  assert.equal(ofThree?.isCut, true)
  assert.equal((await listBelow(site.root, '', site.openFiles, 'within', 4))!.isCut, false)
})
