/** How the program stops: the delay for load balancers, and the deadline. What becomes of clients before it: `63-stop.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, makeDirectory } from '../support/life.ts'
import { RawClient } from '../support/raw-client.ts'
import { isRefused, startServer, until } from '../support/server.ts'
import { HTTP } from '../support/translator.ts'

test('--shutdown-delay: all is served while it lasts, a new worker in place of a dead one too; a second TERM ends it', async t => {
  const args = ['-w', '2', '--shutdown-delay', '10m']
  const server = await startServer({ app: 'app', directory: makeDirectory(t), args })
  const kept = new RawClient(server.port)
  assert.equal((await kept.get('/').response()).status, 200)
  server.signal('SIGTERM')
  await server.waitForLog(/info +master +serving on for 10 min.*\(--shutdown-delay\)/)
  const response = await kept.get('/').response()
  assert.equal(response.status, 200)
  assert.equal(response.header('connection'), undefined)
  const { pid } = await ask(server.port)
  server.expectLog(/warn +master +worker \d .*SIGKILL/)
  // Of several threads of the gateway one may hear of it later.
  server.mayLog(/GET \/ was on worker \d when its link broke \(.*\): it is sent again$/)
  process.kill(pid, 'SIGKILL')
  await until(
    () => server.workers().length === 2 && server.workers().every(worker => worker.pid !== pid),
    () => JSON.stringify(server.workers()),
  )
  assert.notEqual((await ask(server.port)).pid, pid)
  server.signal('SIGTERM')
  // The drain ends the connection with its next response. By HTTP/2 it is told to go away as soon as nothing runs on it.
  if (HTTP === '1')
    await until(
      async () => (await kept.get('/').response()).header('connection') === 'close',
      () => 'the connection does not end',
    )
  assert.equal((await kept.readToEnd()).length, 0)
  kept.close()
  await until(
    () => isRefused(server),
    () => 'new connections are accepted while the program stops',
  )
  await server.ended(0)
})

test('--shutdown-delay passes by itself, and INT has none', async t => {
  const directory = makeDirectory(t)
  const short = await startServer({ app: 'app', directory, args: ['-w', '1', '--shutdown-delay', '200ms'] })
  await short.stop()
  assert.ok(short.log.some(line => /serving on for 200 ms/.test(line)))
  const long = await startServer({ app: 'app', directory, args: ['-w', '1', '--shutdown-delay', '10m'] })
  long.signal('SIGINT')
  await long.ended(0)
})

test('while draining, an idle connection is closed at the deadline', async t => {
  const args = ['-w', '1', '--graceful-timeout', '300ms']
  const server = await startServer({ app: 'app', directory: makeDirectory(t), args })
  const kept = new RawClient(server.port)
  assert.equal((await kept.get('/').response()).status, 200)
  server.signal('SIGTERM')
  assert.equal((await kept.readToEnd()).length, 0)
  kept.close()
  await server.ended(0)
})
