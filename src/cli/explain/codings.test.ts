/** Which coding explain says a response would have. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { loaded, SHOP } from '../../config/testing/applications.ts'
import { explainRequest } from '../../gateway/sites/explained.ts'
import type { ToldCoding } from '../../gateway/sites/explained-coding.ts'
import { reportOf } from './report.ts'
import { makeRequest } from './request.ts'
import { readExplainWords } from './words.ts'

const SITES = `${SHOP}[[site]]
root = "public"
compress-min-length = 100
locations = [
  { match = "/app/", app = "shop", compress = true },
  { match = "/plain/", app = "shop" },
  { match = "/off/", alias = "public/", compress = false },
  { match = "= /short", return = "200 short", compress = true },
  { match = "= /long", return = "200 ${'long '.repeat(50)}", compress = true },
]
`
const FILES = {
  'public/long.css': 'a { } '.repeat(50),
  'public/short.css': 'a { }',
  'public/beside.js': 'let a'.repeat(50),
  'public/beside.js.gz': 'x',
  'public/a.png': 'x'.repeat(500),
}

async function codingOf(t: TestContext, path: string, acceptEncoding: string | null): Promise<ToldCoding | null> {
  const given = loaded(t, SITES, { files: FILES })
  const words = readExplainWords([
    path,
    ...(acceptEncoding === null ? [] : ['-H', `Accept-Encoding: ${acceptEncoding}`]),
  ])
  assert.ok('url' in words)
  const asked = makeRequest(words, given.config)
  assert.ok('request' in asked)
  return reportOf(await explainRequest(given.config, { ...asked, address: words.from }), asked, given).coding
}

test('the coding of a response, or why it has none', async t => {
  for (const [path, accepted, coding, why] of [
    ['/long.css', 'gzip, br', 'br', /as soon as its compressed form is made/],
    ['/long.css', 'gzip', 'gzip', /./],
    ['/long.css', 'deflate', null, /wants none of/],
    ['/long.css', 'br;q=0, gzip', 'gzip', /./],
    ['/short.css', 'gzip', null, /100 bytes or more/],
    ['/a.png', 'gzip', null, /no whole response of/],
    ['/beside.js', 'gzip', 'gzip', /the file beside it/],
    ['/off/long.css', 'gzip', null, /compress is off here/],
    ['/app/x', 'gzip', 'gzip', /a response of .* with 100 bytes or more/],
    ['/plain/x', 'gzip', null, /for files alone/],
    ['/short', 'gzip', null, /100 bytes or more/],
    ['/long', 'gzip', 'gzip', /for each request/],
  ] as const) {
    const told = await codingOf(t, path, accepted)
    assert.equal(told?.coding, coding, `${path} ${accepted}`)
    assert.match(told!.why, why, `${path} ${accepted}`)
  }
  assert.equal(await codingOf(t, '/long.css', null), null)
})
