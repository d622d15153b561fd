/** Some scenarios of `npm run chaos`, for every run of the tests: counts and log lines only. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Report, type Scenario } from './scenario.ts'
import { CRASHES } from './scenarios/crashes.ts'
import { DEPLOYS } from './scenarios/deploys.ts'
import { RESOURCES } from './scenarios/resources.ts'

const SHORT = ['worker-exit-asgi', 'worker-exit-wsgi', 'gateway-kill-wsgi', 'broken-reload-wsgi', 'log-full']
const scenarios: readonly Scenario[] = [...CRASHES, ...DEPLOYS, ...RESOURCES]

for (const name of SHORT) {
  const scenario = scenarios.find(one => one.name === name)!
  test(`${scenario.fault}: nothing is lost`, async () => {
    const report = new Report(() => {})
    await scenario.run(report)
    assert.deepEqual(report.problems, [])
    assert.equal(report.counts.lost, 0)
    assert.ok(report.injected > 0)
    const { sent, answered, refused, cut, failed } = report.counts
    assert.equal(answered + refused + cut + failed, sent)
  })
}
