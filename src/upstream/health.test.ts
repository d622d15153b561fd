/** Health checks at their edges; the usual way is in the end-to-end tests of the proxy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, Socket } from 'node:net'
import { test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { Authority, pemOf } from '../../test/support/certificates.ts'
import type { HealthCheck } from '../sites/upstream-model.ts'
import { PLAIN, type SocketMaker } from './connection.ts'
import { HealthWatch } from './health.ts'
import { groupOf, serverOf } from './testing/groups.ts'
import { TlsSockets } from './tls.ts'

const CHECK: HealthCheck = {
  path: '/up',
  interval: 5,
  timeout: 60_000,
  fails: 1,
  passes: 1,
  leastStatus: 200,
  mostStatus: 399,
  header: null,
  body: null,
  tls: null,
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
  const watch = new HealthWatch(group, CHECK, (_, message) => told.push(message), PLAIN)
  const [socket] = await accepted
  const closed = once(socket.on('error', () => {}).resume(), 'close')
  watch.close()
  await closed
  assert.deepEqual(told, [])
})

test('it is asked by TLS, and a certificate that is not right is a bad answer', async t => {
  const authority = new Authority()
  const certificate = authority.issue({ names: ['back.test'] })
  const server = createTlsServer(pemOf(certificate), socket => {
    socket.on('error', () => {}).on('data', () => socket.end('HTTP/1.1 200 O\r\nX-State: up\r\n\r\nall is well'))
  }).on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const hold = setInterval(() => {}, 1000)
  t.after(() => clearInterval(hold))
  const ask = async (name: string, first: boolean) => {
    const group = groupOf(serverOf('127.0.0.1', (server.address() as AddressInfo).port))
    const sockets = new TlsSockets({
      isVerified: true,
      authorities: readFileSync(authority.file, 'latin1'),
      name,
      sendsName: true,
      client: null,
      versions: ['TLSv1.2', 'TLSv1.3'],
    })
    // Only a change is told, so it is thought to be the other.
    group.peers[0]!.member.setHealthy(first, 0)
    const told = Promise.withResolvers<string>()
    const check = { ...CHECK, header: { name: 'x-state', value: 'up' }, body: 'is well', tls: 0 }
    const watch = new HealthWatch(group, check, (_, message) => told.resolve(message), sockets)
    const message = await told.promise
    watch.close()
    group.close()
    return message
  }
  assert.match(await ask('back.test', false), /is well again$/)
  assert.match(await ask('other.test', true), /GET \/up failed: refused by us: its certificate is for another name/)
})
