/** With real threads that hang, and short limits. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { busyStack } from './busy-stack.ts'
import { Watchdog, type WatchedThread } from './watchdog.ts'

const LOOK_MS = 5

/** Each turn adds one to a word. On a message it stops turning. */
const THREAD = `
const { parentPort, workerData: turns } = require('node:worker_threads')
setInterval(() => Atomics.add(turns, 0, 1), 1)
function hangsHere() { for (;;) Math.sqrt(2) }
parentPort.on('message', how => how === 'loop' ? hangsHere() : parentPort.postMessage('turning'))`

interface Watched extends WatchedThread {
  readonly worker: Worker
  readonly terminated: string[]
}

async function start(name: string, mayEnd = true): Promise<Watched> {
  const turns = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(THREAD, { eval: true, workerData: turns, name })
  const terminated: string[] = []
  let [seen, seenAt] = [-1, 0]
  worker.postMessage('ready?')
  await once(worker, 'message')
  return {
    worker,
    terminated,
    name,
    stillFor() {
      const now = performance.now()
      if (turns[0] !== seen) [seen, seenAt] = [turns[0]!, now]
      return now - seenAt
    },
    stack: () => busyStack(worker.threadId),
    terminate(why) {
      terminated.push(why)
      if (mayEnd) void worker.terminate()
    },
  }
}

/** Until the test is over. */
function watch(t: TestContext, watchdog: Watchdog, thread: WatchedThread): void {
  watchdog.watch(thread)
  t.after(() => watchdog.ended(thread))
}

test('a thread that hangs is named with its stack and ended; one that turns is left alone', async t => {
  const lines: string[] = []
  const dead: string[] = []
  const [hanging, turning] = await Promise.all([start('thread 1'), start('thread 2')])
  const watchdog = new Watchdog(
    { hangsAfterMs: 1000, endsWithinMs: 60_000, log: (_level, line) => lines.push(line), die: why => dead.push(why) },
    LOOK_MS,
  )
  t.after(() => {
    watchdog.ended(turning)
    return turning.worker.terminate()
  })
  for (const thread of [hanging, turning]) watchdog.watch(thread)
  const exit = new Promise(resolve => hanging.worker.on('exit', resolve))
  hanging.worker.postMessage('loop')
  await exit
  watchdog.ended(hanging)
  assert.equal(lines.length, 1)
  assert.match(
    lines[0]!,
    /^thread 1 has not turned for 1 s and is ended; it does this:\n {4}at hangsHere \(.*:4:\d+\)\n/,
  )
  assert.deepEqual([hanging.terminated, turning.terminated, dead], [['it had not turned for 1 s'], [], []])
  turning.worker.postMessage('ready?')
  await once(turning.worker, 'message')
})

test('one that cannot be ended takes the process', async t => {
  const hanging = await start('thread 1', false)
  t.after(() => hanging.worker.terminate())
  const { promise, resolve } = Promise.withResolvers<string>()
  const watchdog = new Watchdog({ hangsAfterMs: 100, endsWithinMs: 10, log() {}, die: resolve }, LOOK_MS)
  watch(t, watchdog, { ...hanging, stack: async () => '' })
  hanging.worker.postMessage('loop')
  assert.match(await promise, /^thread 1 has not turned for 0.1 s and cannot be ended/)
})

test('after the whole process has stood still, threads are not judged before they could turn', async t => {
  const terminated: string[] = []
  let still = 0
  let onLook = () => {}
  const watchdog = new Watchdog({ hangsAfterMs: 10, endsWithinMs: 60_000, log() {}, die() {} }, LOOK_MS)
  watch(t, watchdog, {
    name: 'thread 1',
    stillFor() {
      onLook()
      return still
    },
    stack: async () => '',
    terminate: why => terminated.push(why),
  })
  const looked = () =>
    new Promise<void>(resolve => {
      onLook = resolve
    })
  await looked()
  const until = performance.now() + 10 * LOOK_MS
  while (performance.now() < until);
  still = 10 * LOOK_MS
  // The timer of the watchdog is due, and comes first.
  await new Promise(resolve => setImmediate(resolve))
  still = 0
  await looked()
  assert.deepEqual(terminated, [])
})

test('a thread that does not tell its stack is named without one', async t => {
  const lines: string[] = []
  const ended = Promise.withResolvers<void>()
  const watchdog = new Watchdog(
    { hangsAfterMs: 10, endsWithinMs: 60_000, log: (_level, line) => lines.push(line), die() {} },
    LOOK_MS,
  )
  watch(t, watchdog, {
    name: 'thread 3',
    stillFor: () => 11,
    stack: () => busyStack(-1, 10),
    terminate: () => ended.resolve(),
  })
  await ended.promise
  assert.deepEqual(lines, [
    'thread 3 has not turned for 0.01 s and is ended; it does not tell what it does: it is within one native call',
  ])
})
