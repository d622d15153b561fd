/** Health checks at their edges; the usual way is in the end-to-end tests of the proxy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, Socket } from 'node:net'
import { test } from 'node:test'
import type { HealthCheck } from '../sites/upstream-model.ts'
import { PLAIN, type SocketMaker } from './connection.ts'
import { HealthWatch } from './health.ts'
import { groupOf, serverOf } from './testing/groups.ts'

const CHECK: HealthCheck = {
  path: '/up',
  interval: 5,
  timeout: 60_000,
  fails: 1,
  passes: 1,
  leastStatus: 200,
  mostStatus: 399,
}

test('a socket that this machine cannot make says nothing of a server', async t => {
  const group = groupOf(serverOf('127.0.0.1', 1))
  const told: string[] = []
  const asked = Promise.withResolvers<void>()
  let count = 0
  const sockets: SocketMaker = {
    ...PLAIN,
    connect: (_address, _host, into) => {
      if (++count === 3) asked.resolve()
      return new Socket({ onread: into }).destroy(Object.assign(new Error('none left'), { code: 'EMFILE' }))
    },
  }
  const hold = setInterval(() => {}, 1000)
  const watch = new HealthWatch(group, CHECK, (_, message) => told.push(message), sockets)
  t.after(() => {
    clearInterval(hold)
    watch.close()
    group.close()
  })
  await asked.promise
  assert.equal(group.peers[0]!.member.isUnhealthy, false)
  assert.deepEqual(told, [])
})

test('the end of a check ends the question that waits for an answer', async t => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const group = groupOf(serverOf('127.0.0.1', (server.address() as AddressInfo).port))
  t.after(() => group.close())
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const told: string[] = []
  const watch = new HealthWatch(group, CHECK, (_, message) => told.push(message))
  const [socket] = await accepted
  const closed = once(socket.on('error', () => {}).resume(), 'close')
  watch.close()
  await closed
  assert.deepEqual(told, [])
})
