import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answer, connect, hello } from './testing/connect.ts'
import { get } from './testing/frames.ts'

test('a request is answered, and its head and content leave in one write', async () => {
  const { client, transport, connection, closed } = connect(answer)
  await client.said()
  const before = transport.writes.length
  client.send(get(1))
  assert.deepEqual(await client.said(), hello(1))
  assert.deepEqual([transport.writes.length - before, closed()], [1, [1]])
  assert.ok(connection.isIdle)
})
