import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APPLICATION_GROUPS, PROGRAM_GROUPS } from '../config/settings/index.ts'
import { type Group, isSetting } from '../config/settings/setting.ts'
import { testApp, testConfig } from '../config/testing/config.ts'
import { gatewayApp, gatewayPart } from './config-shape.ts'

/** The gateway gets new values of these in a message of their own. */
const LIVE = ['errorPages', 'trustedProxies', 'https', 'path', 'hosts', 'pools']

function expectRestart(groups: readonly Group[], parts: readonly string[]): void {
  const members = groups.flatMap(group => Object.entries(group)).filter(([part]) => parts.includes(part))
  const settings = members.flatMap(([part, member]) =>
    (isSetting(member) ? [member] : Object.values(member)).map(setting => ({ part, setting })),
  )
  assert.ok(settings.length > 1)
  for (const { part, setting } of settings)
    if (!LIVE.includes(part)) assert.equal(setting['change'], 'restart', String(setting['name']))
}

test('settings of the gateway need a restart: it gets its configuration once, when it starts', () => {
  expectRestart(PROGRAM_GROUPS, Object.keys(gatewayPart(testConfig())))
  expectRestart(APPLICATION_GROUPS, Object.keys(gatewayApp(testApp())))
})
