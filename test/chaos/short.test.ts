/** Some scenarios of `npm run chaos`, for every run of the tests: counts and log lines only. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Report, type Scenario, Skip } from './scenario.ts'
import { CRASHES } from './scenarios/crashes.ts'
import { DEPLOYS } from './scenarios/deploys.ts'
import { NEIGHBOURS } from './scenarios/neighbours.ts'
import { OUT_OF_MEMORY } from './scenarios/out-of-memory.ts'
import { RESOURCES } from './scenarios/resources.ts'
import { SERVICE_MANAGER } from './scenarios/service-manager.ts'

const SHORT = [
  'worker-exit-asgi',
  'worker-exit-wsgi',
  'gateway-kill-wsgi',
  'out-of-memory-asgi',
  'broken-reload-wsgi',
  'neighbours-wsgi',
  'watchdog',
  'log-full',
]
const scenarios: readonly Scenario[] = [
  ...CRASHES,
  ...OUT_OF_MEMORY,
  ...DEPLOYS,
  ...NEIGHBOURS,
  ...SERVICE_MANAGER,
  ...RESOURCES,
]

for (const name of SHORT) {
  const scenario = scenarios.find(one => one.name === name)!
  test(`${scenario.fault}: nothing is lost`, async t => {
    const report = new Report(() => {}, false)
    try {
      await scenario.run(report)
    } catch (error) {
      if (!(error instanceof Skip)) throw error
      t.skip(error.message)
      return
    }
    assert.deepEqual(report.problems, [])
    assert.equal(report.counts.lost, 0)
    assert.ok(report.injected > 0)
    const { sent, answered, refused, cut, failed } = report.counts
    assert.equal(answered + refused + cut + failed, sent)
  })
}
