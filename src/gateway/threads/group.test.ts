/** The threads of a gateway as the master sees them: real ones, that serve nobody. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testConfig } from '../../config/testing/config.ts'
import { gatewayPart } from '../../control/config-shape.ts'
import type { GatewayToMaster } from '../../control/messages.ts'
import { startThreads } from './group.ts'

type Sent<T extends GatewayToMaster['type']> = Extract<GatewayToMaster, { readonly type: T }>

async function start(threads: number) {
  const sent: GatewayToMaster[] = []
  let onSent = () => {}
  const config = gatewayPart(testConfig({ gatewayThreads: threads }))
  const group = await startThreads(
    { type: 'start', build: '', config, affinityKey: 'k'.repeat(64), listeners: [], waits: false, tls: null },
    message => {
      sent.push(message)
      onSent()
    },
  )
  return { group, hear }

  /** Resolves with so many messages of this type. */
  async function hear<T extends GatewayToMaster['type']>(type: T, count: number): Promise<Sent<T>[]> {
    for (;;) {
      const heard = sent.filter((message): message is Sent<T> => message.type === type)
      if (heard.length >= count) return heard
      await new Promise<void>(resolve => {
        onSent = resolve
      })
    }
  }
}

test('a thread that dies after the drain has begun is in the log, and nobody takes its place', async () => {
  const { group, hear } = await start(2)
  group.onMessage({ type: 'drain', deadlineMs: 1000, handedOn: [] })
  assert.deepEqual(await hear('drained', 1), [{ type: 'drained', cut: 0 }])
  // No thread survives this.
  group.onMessage({ type: 'error-pages', pages: null as never })
  const lines = (await hear('log', 2)).map(({ message }) => message.split('\n', 1)[0]!).sort()
  for (const [index, line] of lines.entries())
    assert.match(
      line,
      new RegExp(`^thread ${index + 1} of the gateway has died; 0 connections were cut, .*: TypeError: `),
    )
  await group.end()
})
