import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { NotifySocket } from '../../../test/support/notify-socket.ts'
import { Outputs } from '../output/output.ts'
import { PROGRAMS } from '../paths.ts'
import { type NotifySocket as Address, Notifier, takeNotifySocket } from './notifier.ts'

function makeNotifier(t: TestContext, socket: Address, askGateway: (notifier: Notifier) => void = () => {}) {
  const warnings: string[] = []
  const warned = Promise.withResolvers<void>()
  const notifier: Notifier = new Notifier({
    socket,
    program: PROGRAMS.notify,
    python: () => 'python3',
    askGateway: () => askGateway(notifier),
    outputs: new Outputs(),
    warn: message => {
      warnings.push(message)
      warned.resolve()
    },
  })
  t.after(() => notifier.close())
  return { notifier, warnings, warned: warned.promise }
}

function makePath(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-notify-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return join(directory, 'notify')
}

test('the variables are removed, and the watchdog of another process is ignored', () => {
  const environment = { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '3000000', WATCHDOG_PID: '7', A: 'b' }
  assert.deepEqual(takeNotifySocket(environment, 7), { address: '/run/n', watchdogMs: 3000 })
  assert.deepEqual(environment, { A: 'b' })
  const another = { NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '3000000', WATCHDOG_PID: '7' }
  assert.deepEqual(takeNotifySocket(another, 8), { address: '@n', watchdogMs: 0 })
  assert.deepEqual(takeNotifySocket({ NOTIFY_SOCKET: '@n', WATCHDOG_USEC: 'x' }, 8), { address: '@n', watchdogMs: 0 })
  assert.equal(takeNotifySocket({ WATCHDOG_USEC: '1' }, 8), null)
})

for (const kind of ['path', 'abstract'])
  test(`messages arrive at an address of this kind: ${kind}`, async t => {
    const address = kind === 'path' ? makePath(t) : `@jumak-${randomUUID()}`
    const socket = await NotifySocket.bind(address)
    t.after(() => socket.close())
    const { notifier, warnings } = makeNotifier(t, { address, watchdogMs: 0 })
    notifier.reloading()
    notifier.ready('one\ntwo')
    const before = process.hrtime.bigint() / 1000n
    notifier.reloading()
    notifier.stopping()
    await socket.waitFor('STOPPING=1')
    const [ready, reloading, stopping] = socket.received.map(({ lines }) => lines)
    assert.deepEqual(ready, ['READY=1', 'STATUS=one two'], 'no RELOADING before the first READY')
    assert.equal(reloading![0], 'RELOADING=1')
    const after = process.hrtime.bigint() / 1000n
    const moment = BigInt(/^MONOTONIC_USEC=(\d+)$/.exec(reloading![1]!)![1]!)
    assert.ok(before <= moment && moment <= after)
    assert.deepEqual(stopping, ['STOPPING=1', 'STATUS=stopping'])
    // Root sends in the name of the master, unless its container forbids that.
    const senders = new Set(socket.received.map(({ pid }) => pid))
    assert.equal(senders.size, 1)
    await notifier.close()
    assert.deepEqual(warnings, [])
  })

test('the status names each of several applications, and what was refused', async t => {
  const address = makePath(t)
  const socket = await NotifySocket.bind(address)
  t.after(() => socket.close())
  const { notifier } = makeNotifier(t, { address, watchdogMs: 0 })
  const shop = { name: 'shop', serving: 1, wantedInAll: 3, isRefused: false }
  const api = { name: 'api', serving: null, wantedInAll: 1, isRefused: true }
  notifier.serves([shop, api])
  notifier.serves([shop, api])
  notifier.serves([shop, { ...api, serving: 7, isRefused: false }])
  notifier.serves([
    { ...shop, isRefused: true },
    { ...api, serving: 8 },
  ])
  notifier.serves([shop])
  notifier.reloading()
  notifier.serves([shop])
  notifier.stopping()
  await socket.waitFor('STOPPING=1')
  assert.deepEqual(
    socket.received.flatMap(({ lines }) => (lines[0] === 'READY=1' ? lines.slice(1) : [])),
    [
      'STATUS=shop: generation 1 serves, 3 workers; api: does not serve',
      'STATUS=shop: generation 1 serves, 3 workers; api: generation 7 serves, 1 worker',
      'STATUS=shop: generation 1 serves, 3 workers, a later one was refused; api: generation 8 serves, 1 worker, a later one was refused',
      'STATUS=generation 1 serves, 3 workers',
      'STATUS=generation 1 serves, 3 workers; the last reload was refused, the log says why',
    ],
  )
})

test('a sign of life is sent only when the gateway has answered', async t => {
  const address = makePath(t)
  const socket = await NotifySocket.bind(address)
  t.after(() => socket.close())
  let isAnswering = true
  let asked = 0
  /** Called after each question. */
  let onAsked = () => {}
  const { notifier } = makeNotifier(t, { address, watchdogMs: 40 }, one => {
    asked++
    if (isAnswering) one.answered()
    onAsked()
  })
  await socket.waitFor('WATCHDOG=1')
  isAnswering = false
  const before = asked
  await new Promise<void>(resolve => {
    onAsked = () => {
      if (asked >= before + 10) resolve()
    }
  })
  // After the messages that are on their way.
  notifier.stopping()
  await socket.waitFor('STOPPING=1')
  const count = socket.received.filter(({ lines }) => lines.includes('WATCHDOG=1')).length
  assert.ok(count <= before, `${count} signs of life for ${before} answers`)
})

test('a socket that nobody reads is one warning, and stops nothing', async t => {
  const { notifier, warnings, warned } = makeNotifier(t, { address: makePath(t), watchdogMs: 0 })
  notifier.ready('one')
  notifier.ready('two')
  await warned
  await notifier.close()
  assert.equal(warnings.length, 1)
  assert.match(warnings[0]!, /^NOTIFY_SOCKET: cannot send to .*: No such file or directory$/)
  const strange = makeNotifier(t, { address: 'vsock:2:1234', watchdogMs: 0 })
  strange.notifier.ready('one')
  assert.deepEqual(strange.warnings, ['NOTIFY_SOCKET: vsock:2:1234 is no path and no abstract address'])
})
