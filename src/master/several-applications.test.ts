/** Several applications in one master, with a fake gateway and fake workers: what happens to one is no event for another. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { NotifySocket } from '../../test/support/notify-socket.ts'
import { version } from '../base/version.ts'
import { ADMIN, API, askAdmin, assertKnown, placeFor, SHOP } from './testing/several.ts'
import { APP, type GatewayState, linux, mode, TestMaster, untilGone } from './testing/test-master.ts'

/** Those that the workers of the application were started with, as the gateway was told. */
function pathsOf({ workers, workerPaths }: GatewayState, name: string): (string | undefined)[] {
  return workers[name]!.map(worker => workerPaths[worker])
}

test(
  'each says what it is and that it is ready, then all are; each line names its own; numbers are unique',
  linux,
  async () => {
    const master = new TestMaster('', [SHOP, API])
    await master.see(/info +master +ready: 2 applications serve$/)
    for (const pattern of [
      /info +master +shop +\/shop +serving x:application$/,
      /info +master +api +api\.example\.kr serving x:application$/,
      /info +shop +application +x:application, Fake 1\.0$/,
      /info +api +workers +1 × 2 threads/,
      /info +shop +ready$/,
      /info +api +ready$/,
      /info +shop worker \d +hello from \d$/,
      /info +api preloader +importing$/,
    ])
      await master.see(pattern)
    const { apps, serving, workers } = await master.gateway()
    assert.deepEqual(apps, ['shop', 'api'])
    assert.deepEqual(serving, { shop: 1, api: 1 })
    assert.deepEqual(Object.values(workers).flat().sort(), [1, 2, 3])
    await master.stop()
    assertKnown(master)
  },
)

test(
  'one that cannot be loaded is tried again with back-off while the other serves, until it is mended',
  linux,
  async () => {
    const master = new TestMaster('', [SHOP, API])
    writeFileSync(master.path('shop/broken'), '')
    await master.see(/warn +master +ready: 1 of 2 applications serve, and shop cannot$/)
    await master.see(/error shop +no module named x$/)
    await master.see(/warn +shop +does not serve: it is tried again in \d.*, and at a reload$/)
    await master.see(/warn +shop +does not serve after 2 failures in a row: it is tried again in/)
    assert.equal(master.log.filter(line => line.includes('Traceback (fake)')).length, 1, 'the same is told once')
    const { pids } = await master.gateway()
    unlinkSync(master.path('shop/broken'))
    await master.see(/info +shop +ready$/)
    assert.deepEqual((await master.gateway()).pids['api'], pids['api'])
    await master.stop()
    assertKnown(master)
  },
)

test('a stop while one waits to be tried again', linux, async () => {
  const master = new TestMaster('', [{ ...SHOP, python: 'python9' }, API])
  await master.see(/error shop +--python python9 is not on PATH/)
  await master.see(/ready: 1 of 2/)
  await master.stop()
})

test('when none can serve the program ends, with the worst of their codes', linux, async () => {
  const master = new TestMaster('', [
    { ...SHOP, ...mode('load-failed') },
    { ...API, python: 'python9' },
  ])
  await master.ended(3)
  assert.ok(master.log.some(line => /error shop +no module named x/.test(line)))
  assert.ok(master.log.some(line => /error api +--python python9 is not on PATH/.test(line)))
})

test('one that crashes for ever backs off, and the other replaces its own at once', linux, async () => {
  const master = new TestMaster('', [SHOP, API])
  await master.see(/ready: 2 applications/)
  const before = await master.gateway()
  writeFileSync(master.path('shop/die-early'), '')
  process.kill(before.pids['shop']![0]!, 'SIGKILL')
  await master.see(
    /warn +shop +worker \d+ .* 3 died early in a row, the next is started in .*its last words: no database/,
  )
  const from = master.log.length
  process.kill(before.pids['api']![0]!, 'SIGKILL')
  await master.see(/warn +api +worker \d+ .* was killed by SIGKILL .*; another one takes its place/, from)
  await master.see(/info +api worker \d+ +hello/, from)
  unlinkSync(master.path('shop/die-early'))
  await master.stop()
  assertKnown(master)
})

test('a preloader that dies costs the other application nothing', linux, async () => {
  const master = new TestMaster('', [SHOP, API])
  await master.see(/ready: 2 applications/)
  const before = await master.gateway()
  const gateway = Number(await master.ask('pid'))
  const [preloader] = master.childrenOf().filter(pid => {
    return pid !== gateway && master.childrenOf(pid).includes(before.pids['shop']![0]!)
  })
  process.kill(preloader!, 'SIGKILL')
  await master.see(/error shop +the preloader of generation 1 was killed by SIGKILL; its workers serve on/)
  await master.see(/info +shop +generation 2 serves/)
  const after = await master.gateway()
  assert.deepEqual(after.serving, { shop: 2, api: 1 })
  assert.deepEqual(after.pids['api'], before.pids['api'])
  await master.stop()
  assertKnown(master)
})

test('HUP: a reload that breaks one leaves it as it is, and reloads the other', linux, async () => {
  const master = new TestMaster('', [SHOP, API])
  await master.see(/ready: 2 applications/)
  const before = await master.gateway()
  writeFileSync(master.path('shop/broken'), '')
  master.signal('SIGHUP')
  await master.see(/error shop +generation 2 is given up, generation 1 serves on/)
  await master.see(/info +api +generation 2 serves/)
  const after = await master.gateway()
  assert.deepEqual(after.serving, { shop: 1, api: 2 })
  assert.deepEqual(after.pids['shop'], before.pids['shop'])
  await master.stop()
  assertKnown(master)
})

test('HUP adds, changes and removes applications; what is removed drains', linux, async () => {
  const master = new TestMaster('', [SHOP, API])
  await master.see(/ready: 2 applications/)
  const before = await master.gateway()
  master.reconfigure({ ...SHOP, workers: 1 }, ADMIN)
  await master.see(/info +admin +added at \/admin: serving x:application$/)
  await master.see(/info +api +removed: its workers finish their requests and exit$/)
  await master.see(/info +api worker \d +bye/)
  await master.see(/info +api +removed: all its processes have ended$/)
  await master.see(/info +admin +ready$/)
  await master.see(/info +shop +generation 2 serves/)
  await untilGone([...before.pids['api']!, ...before.pids['shop']!])
  const after = await master.gateway()
  assert.deepEqual(after.apps, ['shop', 'admin'])
  assert.deepEqual(after.serving, { shop: 2, admin: 1 })
  assert.equal(after.workers['shop']!.length, 1)
  assert.deepEqual(filesOf(master, 'api'), [])
  await master.stop()
  assertKnown(master)
})

test('another path is that of its generation, also for a gateway that comes while it waits', linux, async () => {
  const master = new TestMaster('', [SHOP, API])
  await master.see(/ready: 2 applications/)
  const before = await master.gateway()
  assert.deepEqual(before.paths, { shop: '/shop', api: '' })
  writeFileSync(master.path('shop/broken'), '')
  master.reconfigure({ ...SHOP, path: '/kauf' }, API)
  await master.see(/error shop +generation 2 is given up, generation 1 serves on/)
  await master.see(/info +api +generation 2 serves/)
  const old = Number(await master.ask('pid'))
  await master.ask('die')
  await untilGone([old])
  // The new gateway listens before it is told of the workers.
  let waiting: GatewayState
  do waiting = await master.gateway()
  while (waiting.pids['shop']?.length !== 2 || waiting.serving['api'] === undefined)
  assert.deepEqual(waiting.pids['shop'], before.pids['shop'])
  assert.deepEqual(waiting.paths, { shop: '/shop', api: '' })
  assert.deepEqual(pathsOf(waiting, 'shop'), ['/shop', '/shop'])
  unlinkSync(master.path('shop/broken'))
  master.signal('SIGHUP')
  await master.see(/info +shop +generation 3 serves/)
  // Until then the workers of the old path are there, too.
  await untilGone(before.pids['shop']!)
  const after = await master.gateway()
  assert.deepEqual(after.paths, { shop: '/kauf', api: '' })
  assert.deepEqual(new Set(pathsOf(after, 'shop')), new Set(['/kauf']))
  await master.stop()
  assertKnown(master)
})

test('what is refused at a control socket has one line a second, with a count', linux, async () => {
  const master = new TestMaster('', [SHOP, API])
  await master.see(/ready: 2 applications/)
  const [run] = readdirSync(master.path('tmp'))
  const path = join(master.path('tmp'), run!, 'shop/control.sock')
  const worker = (await master.gateway()).workers['shop']![0]
  const hello = { type: 'hello', build: version, worker, pid: 1, token: 'guessed' }
  const count = 100
  for (let i = 0; i < count; i++) {
    const socket = connect(path)
    socket.end(i % 2 === 0 ? `${JSON.stringify(hello)}\n` : '{"type":"ready"}\n').on('error', () => {})
    await once(socket.resume(), 'close')
  }
  await master.stop()
  const lines = master.log.filter(line =>
    /warn +shop +(a connection to the control socket|a process that says)/.test(line),
  )
  const told = lines.reduce((sum, line) => sum + 1 + Number(/; and (\d+) other/.exec(line)?.[1] ?? 0), 0)
  assert.equal(told, count)
  assert.ok(lines.length < count / 5, lines.join('\n'))
  assertKnown(master)
})

test('the key of cookies is kept from the first application that has some, also when HUP adds it', linux, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jt-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const affinityKey = join(directory, 'key')
  const master = new TestMaster('', [SHOP], { affinityKey })
  await master.see(/info +master +ready$/)
  assert.deepEqual(readdirSync(directory), [])
  master.reconfigure(SHOP, { ...ADMIN, affinity: { kind: 'cookie' } })
  await master.see(/info +admin +ready$/)
  const kept = readFileSync(affinityKey).toString('hex')
  assert.equal((await master.gateway()).affinityKey, kept)
  await master.ask('die')
  assert.equal((await master.gateway()).affinityKey, kept)
  await master.stop()
  assertKnown(master)
})

test('HUP: one that is added and hangs holds up no reload of another, and can be removed again', linux, async () => {
  const master = new TestMaster('', [SHOP])
  await master.see(/info +master +ready$/)
  master.reconfigure(SHOP, { ...ADMIN, ...mode('hang') })
  await master.see(/info +admin preloader +importing/)
  await master.see(/info +shop +generation 2 serves/)
  master.signal('SIGHUP')
  await master.see(/info +admin +reload: waits until the present one is done/)
  await master.see(/info +shop +generation 3 serves/)
  master.reconfigure(SHOP)
  await master.see(/info +admin +removed: all its processes have ended/)
  await master.stop()
  assertKnown(master)
})

test('the service manager hears once that all are ready, after a start and after each reload', linux, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jt-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const socket = await NotifySocket.bind(join(directory, 'n'))
  t.after(() => socket.close())
  const master = new TestMaster('', [SHOP, API], {}, undefined, { NOTIFY_SOCKET: join(directory, 'n') })
  writeFileSync(master.path('shop/broken'), '')
  await socket.waitFor('STATUS=shop: does not serve; api: generation 1 serves, 1 worker')
  unlinkSync(master.path('shop/broken'))
  await master.see(/info +shop +ready$/)
  await socket.waitFor('READY=1', 1)
  master.signal('SIGHUP')
  await socket.waitFor('READY=1', 2)
  await master.stop()
  const states = socket.received.flatMap(({ lines }) =>
    lines.filter(line => /^(READY|RELOADING|STOPPING)=1$/.test(line)),
  )
  assert.deepEqual(states, ['READY=1', 'READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1'])
  assert.match(
    socket.received.at(-2)!.lines[1]!,
    /^STATUS=shop: generation \d+ serves, 2 workers; api: generation 2 serves, 1 worker$/,
  )
})

test('while developing, a save reloads the applications that have imported the file', linux, async () => {
  const master = new TestMaster('', [SHOP, API], { isDevelopment: true })
  mkdirSync(master.path('lib'))
  for (const file of ['shop/views.py', 'api/views.py', 'lib/common.py']) writeFileSync(master.path(file), '')
  for (const app of ['shop', 'api'])
    writeFileSync(master.path(`${app}/imports`), `${master.path(`${app}/views.py`)} ${master.path('lib/common.py')}`)
  await master.see(/ready: 2 applications serve/)
  writeFileSync(master.path('shop/views.py'), 'changed')
  await master.see(/info +shop +change in views\.py: reloading/)
  await master.see(/info +shop +generation 2 serves/)
  assert.deepEqual((await master.gateway()).serving, { shop: 2, api: 1 })
  writeFileSync(master.path('lib/common.py'), 'changed')
  await master.see(/info +shop +generation 3 serves/)
  await master.see(/info +api +generation 2 serves/)
  assert.equal(master.log.filter(line => line.includes('change in')).length, 3)
  await master.stop()
  assertKnown(master)
})

/** Sockets and pipes of workers that are not linked. */
function filesOf(master: TestMaster, app: string): string[] {
  const gone = master.log.flatMap(line => new RegExp(`${app} worker (\\d+) +bye`).exec(line)?.[1] ?? [])
  const files = readdirSync(master.path('tmp'), { recursive: true }) as string[]
  return files.filter(file => gone.some(number => file.includes(`w${number}.`)))
}

test(
  'one that is added broken does not end a program that has served, though nothing else is left',
  linux,
  async () => {
    const master = new TestMaster('', [SHOP, API])
    await master.see(/ready: 2 applications/)
    master.reconfigure({ ...ADMIN, ...mode('load-failed') })
    await master.see(/warn +(?:master|admin) +does not serve after 2 failures in a row/)
    await master.stop()
  },
)

test(
  'removed and added again while the old one drains: both have their own processes, and the new one serves',
  linux,
  async () => {
    const slow = { ...API, timeouts: { ...APP.timeouts, graceful: 600_000 }, ...mode('no-stop') }
    const master = new TestMaster('', [SHOP, slow])
    await master.see(/ready: 2 applications/)
    const before = await master.gateway()
    master.reconfigure(SHOP)
    await master.see(/api +removed: its workers/)
    await master.see(/shop +generation 2 serves/)
    master.reconfigure(SHOP, API)
    await master.see(/api +added at/)
    const from = master.log.length
    await master.see(/info +api +ready$/, from)
    const { serving, pids } = await master.gateway()
    assert.equal(serving['api'], 1)
    assert.notDeepEqual(pids['api'], before.pids['api'])
    // A new gateway hears nothing of the old one.
    await master.ask('die')
    await master.see(/the gateway was killed by SIGKILL/)
    await master.gateway()
    process.kill(before.pids['api']![0]!, 'SIGKILL')
    await master.see(/api +removed: all its processes have ended/)
    await untilGone(before.pids['api']!)
    await master.stop()
    assertKnown(master)
  },
)

test('a new gateway hears of each application', linux, async () => {
  const master = new TestMaster('', [SHOP, API])
  await master.see(/ready: 2 applications/)
  const { serving, workers } = await master.gateway()
  await master.ask('die')
  let after = await master.gateway()
  // The new one listens before it is told of the workers.
  while (Object.values(after.workers).flat().length < 3) after = await master.gateway()
  assert.deepEqual(after.serving, serving)
  assert.deepEqual(after.workers, workers)
  await master.stop()
  assertKnown(master)
})

test('a stop: one that hangs is killed after its own graceful timeout, the other has left', linux, async () => {
  const hanging = { ...API, timeouts: { ...APP.timeouts, graceful: 100 }, ...mode('no-stop') }
  const master = new TestMaster('', [SHOP, hanging])
  await master.see(/ready: 2 applications/)
  await master.stop()
  assert.ok(master.log.some(line => /warn +api +1 worker did not leave in time: killed/.test(line)))
  assert.ok(!master.log.some(line => /warn +shop/.test(line)), master.log.join('\n'))
})

test('a stop: requests of one that hang do not hold up the drain beyond its own graceful timeout', linux, async () => {
  const hanging = { ...API, timeouts: { ...APP.timeouts, graceful: 100 }, ...mode('no-stop') }
  const master = new TestMaster('', [{ ...SHOP, timeouts: { ...APP.timeouts, graceful: 600_000 } }, hanging])
  await master.see(/ready: 2 applications/)
  const { workers } = await master.gateway()
  await master.ask(`hold ${workers['api']![0]}`)
  await master.stop()
  assert.ok(master.log.some(line => /warn +api +1 worker did not leave in time: killed/.test(line)))
})

test('TTIN and TTOU are for all applications', linux, async () => {
  const master = new TestMaster('', [SHOP, API])
  await master.see(/ready: 2 applications/)
  master.signal('SIGTTIN')
  await master.see(/info +shop +workers wanted: 3$/)
  await master.see(/info +api +workers wanted: 2$/)
  await master.see(/worker 5 +hello/)
  await master.stop()
})

const TOO_DEEP = `j${'d'.repeat(50)}`
const LONG = { ...ADMIN, name: 'l'.repeat(32) }

test('jumak reload of an application that is not in the configuration any more ends, and says so', linux, async t => {
  const { path, adminSocket } = placeFor(t)
  const master = new TestMaster('', [SHOP, API], { adminSocket })
  await master.see(/ready: 2 applications/)
  master.rewrite(API)
  const error = 'the application shop is not in the configuration any more'
  assert.deepEqual(await askAdmin(path, { command: 'reload', app: 'shop' }), { jumak: 1, ok: false, error })
  await master.stop()
})

test('jumak reload says which new application cannot be started', linux, async t => {
  const { place, path, adminSocket } = placeFor(t, TOO_DEEP)
  const master = new TestMaster('', [SHOP], { adminSocket, temporaryDirectory: place })
  await master.see(/master +ready$/)
  master.rewrite(SHOP, LONG)
  const answer = await askAdmin(path, { command: 'reload' })
  const { ok, error } = answer as { readonly ok: boolean; readonly error: string }
  assert.equal(ok, false)
  assert.match(error, /^the application l+ cannot be started: .*\ngeneration 2 serves$/)
  await master.stop()
})

test('a stop when no application is left, because the only one cannot be started', linux, async t => {
  const { place } = placeFor(t, TOO_DEEP)
  const master = new TestMaster('', [SHOP], { temporaryDirectory: place })
  await master.see(/master +ready$/)
  master.reconfigure(LONG)
  await master.see(/the application l+ cannot be started: /)
  await master.see(/removed: all its processes have ended/)
  await master.stop()
  assertKnown(master)
})
