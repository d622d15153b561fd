import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GROUPS } from '../config/settings/index.ts'
import { isSetting } from '../config/settings/setting.ts'
import { testConfig } from '../config/testing/config.ts'
import { gatewayPart } from './config-shape.ts'

/** The gateway gets new values of these in a message of their own. */
const LIVE = ['errorPages']

test('settings of the gateway need a restart: it gets its configuration once, when it starts', () => {
  const parts = Object.keys(gatewayPart(testConfig()))
  const members = GROUPS.flatMap(group => Object.entries(group)).filter(([part]) => parts.includes(part))
  const settings = members.flatMap(([part, member]) =>
    (isSetting(member) ? [member] : Object.values(member)).map(setting => ({ part, setting })),
  )
  assert.ok(settings.length > parts.length)
  for (const { part, setting } of settings)
    if (!LIVE.includes(part)) assert.equal(setting['change'], 'restart', String(setting['name']))
})
