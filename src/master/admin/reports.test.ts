import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MasterToGateway, TrafficReport } from '../../control/messages.ts'
import { Reports } from './reports.ts'

const report: TrafficReport = { connections: 1, http2Connections: 0, streams: 0, pools: [], workers: [], upstreams: [] }

test('each question gets its own answer', async () => {
  const sent: MasterToGateway[] = []
  const reports = new Reports(message => sent.push(message))
  const [first, second] = [reports.ask(), reports.ask()]
  assert.deepEqual(sent, [
    { type: 'report', id: 1 },
    { type: 'report', id: 2 },
  ])
  reports.answered({ type: 'reported', id: 2, ...report, connections: 2 })
  reports.answered({ type: 'reported', id: 7, ...report })
  reports.answered({ type: 'reported', id: 1, ...report })
  assert.deepEqual([await first, await second], [report, { ...report, connections: 2 }])
})

test('a gateway that does not answer has no answer, and a late one is nobody’s', async () => {
  const reports = new Reports(() => {}, 1)
  assert.equal(await reports.ask(), null)
  reports.answered({ type: 'reported', id: 1, ...report })
})

test('the gateway may be told at once', async () => {
  const reports: Reports = new Reports(message => {
    if (message.type === 'report') reports.answered({ type: 'reported', id: message.id, ...report })
  })
  assert.deepEqual(await reports.ask(), report)
})
