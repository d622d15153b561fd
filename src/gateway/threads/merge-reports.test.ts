/** What several threads report of upstreams is one report. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrafficReport } from '../../control/messages.ts'
import { mergeReports } from './merge-reports.ts'

function report(waiting: number, isDraining: boolean): TrafficReport {
  const server = { label: 'a:1', running: 3, requests: 9, failures: 1, isOut: false, isEjected: false, isDraining }
  return {
    connections: 1,
    http2Connections: 0,
    streams: 0,
    pools: [],
    workers: [],
    upstreams: [{ name: 'back', waiting, servers: [server] }],
  }
}

test('who waits is added up; what all threads share is not; a server is drained when all know it', () => {
  const [merged] = mergeReports([report(2, true), report(3, false)]).upstreams
  assert.equal(merged!.waiting, 5)
  assert.deepEqual([merged!.servers[0]!.running, merged!.servers[0]!.isDraining], [3, false])
  assert.equal(mergeReports([report(0, true), report(0, true)]).upstreams[0]!.servers[0]!.isDraining, true)
})
