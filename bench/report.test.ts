import assert from 'node:assert/strict'
import { test } from 'node:test'
import { charts } from './chart.ts'
import type { Figures, Result } from './measure.ts'
import { ratio, type SceneResults, table } from './report.ts'
import { SCENES } from './scenes.ts'

const NAN = Number.NaN

function result(stack: string, ...microseconds: number[]): Result {
  const figures = (one: number): Figures => ({
    ...{ microseconds: one, requestsPerSecond: 1000, p50: 1, p99: 2, p999: 3, errors: 0, megabytes: 20 },
    ...{ added: NAN, slowdown: NAN, busiestThread: NAN, kilobytesPerConnection: NAN, megabytesPerWorker: NAN },
  })
  return { stack, rounds: microseconds.map(figures), failure: null }
}

function results(...all: Result[]): SceneResults {
  const load = { seconds: 1, rounds: 3, connections: 64, workers: 1 }
  return { scene: SCENES.find(scene => scene.name === 'hello')!, load, results: all }
}

test('the ratio is taken round by round: what slows a whole round down changes nothing', () => {
  const own = result('jumak', 10, 40, 12)
  const other = result('other', 20, 80, 24)
  assert.deepEqual(ratio(own, other, 'microseconds'), { median: 0.5, low: 0.5, high: 0.5 })
})

test('a round that one of the two lacks does not count', () => {
  assert.equal(ratio(result('jumak', 10, 90), result('other', 20), 'microseconds')?.median, 0.5)
  assert.equal(ratio(result('jumak', 10), result('other'), 'microseconds'), null)
})

test('the table has only columns that were measured, and tells a failure', () => {
  const text = table(results(result('jumak', 10), { stack: 'other', rounds: [], failure: 'it never answered' }))
  assert.match(text, /CPU µs/)
  assert.doesNotMatch(text, /KB\/connection|MB\/worker/)
  assert.match(text, /other +failed: it never answered/)
})

test('the chart has a bar for each stack that was measured, the shortest first, and names its command', () => {
  const svg = charts([results(result('jumak', 20), result('a <b>', 10), result('c'))], 'npm run bench -- --scene hello')
  const names = [...svg.matchAll(/<text y="12"[^>]*>([^<]+)</g)].map(match => match[1])
  assert.deepEqual(names, ['a &lt;b&gt;', 'jumak'])
  assert.match(svg, /jumak is 2\.00 ×/)
  assert.match(svg, /made by: npm run bench -- --scene hello/)
})
