/** Pools for paths: workers of their own, with a number and a crash loop of their own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { API, askAdmin, assertKnown, placeFor, SHOP } from './testing/several.ts'
import { linux, mode, TestMaster, WAIT_MS } from './testing/test-master.ts'

const EXPORT = { name: 'export', paths: ['/export/'], workers: 1 }
const MAIN = { name: '', paths: [], workers: null }
const POOLED = { ...SHOP, pools: [MAIN, EXPORT] }

test('a pool has workers of its own; its crash loop holds up no other pool', linux, async () => {
  const master = new TestMaster('', [{ ...POOLED, workers: 1, ...mode('show') }, API])
  await master.see(/shop preloader +multiprocess=True/)
  await master.see(/info +shop +pools +export 1 worker for \/export\/$/)
  await master.see(/ready: 2 applications/)
  const workerOf = async (pool: string) => {
    const { pools, workers, pids } = await master.gateway()
    const index = workers['shop']?.findIndex(number => pools[number] === pool) ?? -1
    return index < 0 ? null : pids['shop']![index]!
  }
  // The replacement may be forked before the death is counted, and then its own death is the same event.
  let killed = 0
  while (!master.log.some(line => line.includes('died early in a row'))) {
    let worker = await workerOf('export')
    // The gateway hears a moment later that a worker has died.
    while (worker === null || worker === killed) worker = await workerOf('export')
    killed = worker
    const from = master.log.length
    process.kill(worker, 'SIGKILL')
    await master.see(/warn +shop +worker \d+ .*was killed by SIGKILL/, from)
  }
  const from = master.log.length
  process.kill((await workerOf(''))!, 'SIGKILL')
  await master.see(/warn +shop +worker \d+ .*was killed by SIGKILL.*; another one takes its place/, from)
  await master.stop()
  assertKnown(master)
})

test('HUP changes, adds and removes pools', linux, async () => {
  const master = new TestMaster('', [POOLED, API])
  await master.see(/ready: 2 applications/)
  const poolsOf = async () => {
    const { pools, workers } = await master.gateway()
    return workers['shop']!.map(number => pools[number]).sort()
  }
  /** Old workers finish first. */
  const untilPools = async (expected: readonly string[]) => {
    const deadline = performance.now() + WAIT_MS
    for (let pools = await poolsOf(); pools.join() !== expected.join(); pools = await poolsOf())
      assert.ok(performance.now() < deadline, `pools ${pools}`)
  }
  assert.deepEqual(await poolsOf(), ['', '', 'export'])
  master.reconfigure({ ...SHOP, pools: [MAIN, { ...EXPORT, workers: 2 }, { ...EXPORT, name: 'slow' }] }, API)
  await master.see(/shop +generation 2 serves/)
  // The first generation gets the new pool too, until it has gone.
  await untilPools(['', '', 'export', 'export', 'slow'])
  master.reconfigure({ ...SHOP, pools: [MAIN] }, API)
  await master.see(/shop +generation 3 serves/)
  await untilPools(['', ''])
  await master.stop()
  assertKnown(master)
})

test('what a command has said of a pool holds until the number of the pool changes', linux, async t => {
  const { path, adminSocket } = placeFor(t)
  const withExport = (workers: number, main: number) => ({
    ...SHOP,
    workers: main,
    pools: [MAIN, { ...EXPORT, workers }],
  })
  const master = new TestMaster('', [withExport(1, 1), API], { adminSocket })
  await master.see(/ready: 2 applications/)
  await askAdmin(path, { command: 'workers', app: 'shop', pool: 'export', workers: 3 })
  const wanted = async () => {
    const answer = await askAdmin(path, { command: 'status' })
    const { apps } = answer as { readonly apps: { readonly pools: { readonly wanted: number }[] }[] }
    return apps[0]!.pools.map(pool => pool.wanted)
  }
  assert.deepEqual(await wanted(), [1, 3])
  for (const [workers, main, expected] of [
    [1, 2, [2, 3]],
    [2, 2, [2, 2]],
  ] as const) {
    master.rewrite(withExport(workers, main), API)
    await askAdmin(path, { command: 'reload' })
    assert.deepEqual(await wanted(), expected)
  }
  await master.stop()
})
