import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GatewayState, planGateway } from './gateway-plan.ts'

const NOW = 1_000_000
const NEVER = Number.POSITIVE_INFINITY
const TABLE: readonly (readonly [string, Partial<GatewayState>, ReturnType<typeof planGateway>])[] = [
  ['none: another one', { gateway: 'gone' }, { action: 'spawn', wakeAt: NEVER }],
  ['none, crash loop', { gateway: 'gone', notBefore: NOW + 50 }, { action: null, wakeAt: NOW + 50 }],
  ['it may need a moment', { gateway: 'starting', since: NOW - 1 }, { action: null, wakeAt: NOW + 29_999 }],
  ['it does not listen', { gateway: 'starting', since: NOW - 30_000 }, { action: 'kill', wakeAt: NEVER }],
  ['it listens', { gateway: 'listening', since: NOW - 30_000 }, { action: null, wakeAt: NEVER }],
]

for (const [name, state, expected] of TABLE)
  test(name, () => {
    assert.deepEqual(planGateway({ now: NOW, gateway: 'gone', since: 0, notBefore: 0, ...state }), expected)
  })
