/** sd_notify: what the service manager hears of a start, reloads, a gateway that hangs, and the end. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { NotifySocket } from '../support/notify-socket.ts'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { startServer, TRACEBACK } from '../support/server.ts'

const APP = `
import os
def application(environ, start_response):
    start_response("200 OK", [])
    return [" ".join(name for name in os.environ if name.startswith(("NOTIFY_", "WATCHDOG_"))).encode()]
`

const NO_MODULE = [
  /error master +app could not be imported: there is no module no_such_module /,
  TRACEBACK,
  /error master +ModuleNotFoundError: No module named 'no_such_module'$/,
]

test('READY when it serves, RELOADING and READY around each reload, STOPPING at the end', async t => {
  const address = `@jumak-${randomUUID()}`
  const manager = await NotifySocket.bind(address)
  t.after(() => manager.close())
  const project = new Project(t, { 'app.py': APP, 'jumak.toml': 'workers = 2\n' })
  const server = await startServer({ app: 'app', directory: project.directory, env: { NOTIFY_SOCKET: address } })
  const ready = await manager.waitFor('READY=1')
  assert.deepEqual(ready.lines, ['READY=1', 'STATUS=generation 1 serves, 2 workers'])
  assert.equal(manager.received.length, 1)
  if (process.getuid?.() === 0) assert.equal(ready.pid, server.pid, 'NotifyAccess=main is enough for root')
  assert.equal((await getOnce(server.port, '/')).body.toString(), '', 'the application is not told')

  const reload = async (): Promise<string[]> => {
    const from = manager.received.length
    server.signal('SIGHUP')
    await manager.waitFor('READY=1', from)
    const [reloading, over, ...more] = manager.received.slice(from)
    assert.deepEqual([reloading!.lines[0], over!.lines[0], more], ['RELOADING=1', 'READY=1', []])
    return over!.lines.slice(1)
  }
  assert.deepEqual(await reload(), ['STATUS=generation 2 serves, 2 workers'])
  server.expectLog(
    ...NO_MODULE,
    /error master +generation 3 is given up, generation 2 serves on$/,
    /error master +jumak\.toml:1:11: workers must be .*, not 'many'$/,
    /error master +reload: nothing changes, because the settings are wrong$/,
  )
  const refused = ['STATUS=generation 2 serves, 2 workers; the last reload was refused, the log says why']
  project.save('app.py', 'import no_such_module\n')
  assert.deepEqual(await reload(), refused)
  project.save('jumak.toml', 'workers = "many"\n')
  assert.deepEqual(await reload(), refused)

  const from = manager.received.length
  await server.stop()
  await manager.waitFor('STOPPING=1', from)
  assert.equal(manager.received.length, from + 1)
})

test('a program that never serves is never ready', async t => {
  const address = `@jumak-${randomUUID()}`
  const manager = await NotifySocket.bind(address)
  t.after(() => manager.close())
  const project = new Project(t, { 'app.py': 'import no_such_module\n' })
  const env = { NOTIFY_SOCKET: address }
  const server = await startServer({ app: 'app', directory: project.directory, env, waitReady: false })
  server.expectLog(...NO_MODULE)
  await server.ended(3)
  await manager.waitFor('STOPPING=1')
  assert.ok(!manager.received.some(({ lines }) => lines.includes('READY=1')))
})

test('WATCHDOG while the gateway answers, and none while it hangs', async t => {
  const { directory } = new Project(t, { 'app.py': APP })
  const start = async () => {
    const address = `@jumak-${randomUUID()}`
    const manager = await NotifySocket.bind(address)
    t.after(() => manager.close())
    const env = { NOTIFY_SOCKET: address, WATCHDOG_USEC: '400000' }
    const server = await startServer({ app: 'app', directory, args: ['-w', '1'], env })
    await manager.waitFor('WATCHDOG=1')
    return { manager, server }
  }
  // The other one is the clock: it runs on, and its gateway answers.
  const [{ manager, server }, clock] = await Promise.all([start(), start()])
  const { pid } = server.gateway()
  process.kill(pid, 'SIGSTOP')
  try {
    // A reload needs the gateway only at its end. After RELOADING no earlier sign is on its way, except for one answer.
    let from = manager.received.length
    server.signal('SIGHUP')
    await manager.waitFor('RELOADING=1', from)
    from = manager.received.length
    for (let sign = 0; sign < 8; sign++) await clock.manager.waitFor('WATCHDOG=1', clock.manager.received.length)
    assert.ok(manager.received.length <= from + 1, JSON.stringify(manager.received))
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  await manager.waitFor('WATCHDOG=1', manager.received.length)
  await Promise.all([server.stop(), clock.server.stop()])
})
