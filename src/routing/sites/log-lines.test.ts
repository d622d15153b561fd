import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import type { SiteLog } from '../../sites/model.ts'
import { NO_SITES } from '../../sites/testing/no-sites.ts'
import { compileSites, NO_EFFECTS } from './compile.ts'
import type { CompiledLog } from './site-request.ts'
import { SiteRequest } from './site-request.ts'
import { prefix, SETTINGS, site } from './testing/sites.ts'
import { VARIABLE_NAMES } from './variables.ts'

const LOG: SiteLog = {
  name: 'a',
  target: { kind: 'file', path: '-' },
  format: '$args',
  escape: 'default',
  condition: null,
  sample: 1,
  alwaysStatus: 0,
  alwaysSlow: 0,
  place: { file: 'test.toml', line: 1, column: 1 },
}

/** The line of a request. */
function lineOf(of: Partial<SiteLog>, request: ConstructorParameters<typeof FakeExchange>[0]): string {
  const root = prefix('', { settings: { ...SETTINGS, logs: ['a'] } })
  const compiled: CompiledLog[] = []
  const makeLogWriter = (logs: readonly CompiledLog[]) => {
    compiled.push(...logs)
    return () => {}
  }
  const model = { ...NO_SITES, sites: [site({ root })], logs: [{ ...LOG, ...of }] }
  const { sites, problems } = compileSites(model, { ...NO_EFFECTS, makeLogWriter })
  assert.deepEqual(problems, [])
  const exchange = new FakeExchange(request)
  return compiled[0]!.line(new SiteRequest(exchange, sites[0]!, exchange.request.path))
}

const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('')

/** A request in which a client has put these words everywhere. */
const hostile = (words: string): ConstructorParameters<typeof FakeExchange>[0] => ({
  method: 'GET',
  target: `/${words}?${words}`,
  path: `/${words}`,
  query: words,
  authority: words,
  headers: ['host', 'cookie', 'authorization', 'x-name', 'content-type', 'content-length'].flatMap(name => [
    name,
    name === 'authorization'
      ? `Basic ${Buffer.from(`${words}:x`, 'latin1').toString('base64')}`
      : name === 'cookie'
        ? `name=${words}`
        : words,
  ]),
})

const NAMES = VARIABLE_NAMES.map(name => name.replace(/NAME$/, name.startsWith('http_') ? 'x_name' : 'name'))

test('no variable forges a line, whatever a client sends, with any escape', () => {
  for (const name of NAMES)
    for (const form of ['default', 'json', 'none'] as const) {
      const line = lineOf({ format: `<$${name}>`, escape: form }, hostile(ALL_BYTES))
      assert.doesNotMatch(line, /[\x00-\x1f\x7f]/, `${name} ${form}`)
      if (form !== 'none') assert.match(line, /^[\x20-\x7e]*$/, `${name} ${form}`)
    }
})

test('JSON stays JSON, and says what was sent', () => {
  for (const name of NAMES) JSON.parse(lineOf({ format: `{"x":"$${name}"}`, escape: 'json' }, hostile(ALL_BYTES)))
  const sent = Buffer.from('열려 "있다"\\ \n\t€', 'utf8').toString('latin1')
  const { x } = JSON.parse(lineOf({ format: '{"x":"$http_x_name"}', escape: 'json' }, { headers: ['x-name', sent] }))
  assert.equal(x, '열려 "있다"\\ \n\t€')
})

test('the escapes are nginx’s', () => {
  const request = { headers: ['x-name', 'a"b\\c\xe4\x7f'] }
  assert.equal(lineOf({ format: '$http_x_name $http_y' }, request), 'a\\x22b\\x5Cc\\xE4\\x7F -')
  assert.equal(lineOf({ format: '"$http_y"', escape: 'json' }, request), '""')
  assert.equal(lineOf({ format: '$http_x_name', escape: 'none' }, { headers: ['x-name', 'a"b\\c'] }), 'a"b\\c')
  assert.equal(lineOf({ format: 'é $http_y' }, request), 'é -')
})

test('a value is bounded', () => {
  assert.equal(lineOf({ format: '$http_x_name' }, { headers: ['x-name', 'x'.repeat(50_000)] }).length, 2051)
})
