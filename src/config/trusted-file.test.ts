import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTree } from './testing/tree.ts'
import { readRanges } from './trusted-file.ts'

test('a file of ranges: one a line, comments, blank lines, CRLF', t => {
  const root = makeTree(t, { ranges: '# Cloudflare\n173.245.48.0/20\r\n\n  2400:cb00::/32  # IPv6\n192.0.2.1' })
  assert.deepEqual(readRanges(join(root, 'ranges')), { ranges: ['173.245.48.0/20', '2400:cb00::/32', '192.0.2.1'] })
})

test('every wrong line is named, and so is a file with nothing in it, too much, or none', t => {
  const root = makeTree(t, {
    wrong: '10.0.0.0/8\n10.0.0.0/33\n<html>\n* \nunix\n10.0.0.1, 10.0.0.2\n',
    empty: '# nothing\n',
    large: '#'.repeat(300_000),
  })
  const problems = (name: string) => {
    const read = readRanges(join(root, name))
    assert.ok('problems' in read)
    return read.problems.map(({ line, problem }) => `${line} ${problem}`)
  }
  const must = 'must be an IP address, or a range as in 10.0.0.0/8'
  assert.deepEqual(
    problems('wrong'),
    [2, 3, 4, 5, 6].map(line => `${line} ${must}`),
  )
  assert.deepEqual(problems('empty'), ['0 has no address and no range'])
  assert.match(problems('large')[0]!, /^0 has more than 262144 bytes$/)
  assert.match(problems('missing')[0]!, /^0 cannot be read: ENOENT/)
})
