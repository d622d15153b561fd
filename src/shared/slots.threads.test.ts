/** The slots under real threads, some of which are ended amidst their work and replaced: a million claims of three slots. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { SharedCells, sharedWords } from './cells.ts'
import { tickOf } from './clock.ts'
import { poolWords } from './pool-waits.ts'
import { slotWords } from './slot-table.ts'
import { Player } from './testing/player.ts'
import type { SlotThreadData } from './testing/slot-thread.ts'

const THREADS = 4
const PLACES = 3
const CLAIMS = 1_000_000

test('a million claims of three slots by four threads that die: each is alone in its slot, and at the end all slots are free', async () => {
  const pool = sharedWords(poolWords(THREADS))
  const cells = sharedWords(slotWords(THREADS, PLACES))
  const truth = sharedWords(PLACES)
  const counts = sharedWords(4)
  const living: (Worker | null)[] = []
  let deaths = 0
  let victim = 0

  await new Promise<void>((resolve, reject) => {
    const done = new Set<number>()
    const end = (thread: number): void => {
      const worker = living[thread]
      if (worker == null) return
      living[thread] = null
      done.delete(thread)
      // Only then its index is free: until then its code may run.
      worker.terminate().then(() => {
        deaths++
        start(thread)
      }, reject)
    }
    const start = (thread: number): void => {
      const workerData: SlotThreadData = {
        pool,
        workers: [cells],
        threads: THREADS,
        places: PLACES,
        thread,
        truth,
        counts,
        claims: CLAIMS,
      }
      const worker = new Worker(new URL('./testing/slot-thread.ts', import.meta.url), { workerData })
      living[thread] = worker
      worker.on('error', reject)
      worker.on('message', message => {
        if (message === 'progress') end(victim++ % THREADS)
        else if (typeof message === 'number') living[message]?.postMessage('wake')
        else if (message === 'done' && living[thread] === worker) {
          // It still looks when it gets a message.
          done.add(thread)
          if (done.size === THREADS) resolve()
        }
      })
    }
    for (let thread = 0; thread < THREADS; thread++) start(thread)
  })
  await Promise.all(living.map(worker => worker?.terminate()))

  const [claims, clashes, waited, wakes] = new Int32Array(counts)
  assert.equal(clashes, 0)
  assert.ok(claims! >= CLAIMS && deaths > 10 && waited! > 0 && wakes! > 0, `${[claims, deaths, waited, wakes]}`)

  const places: number[] = []
  const board = { pool: new SharedCells(pool), workers: [new SharedCells(cells)], threads: THREADS, places: PLACES }
  const player = new Player(board, 0, { run: (_call, _worker, place) => places.push(place), tell: () => {} })
  assert.deepEqual(player.left, [])
  // A grant to a thread that had no more use for it is old by then.
  const later = tickOf(performance.now() + 10)
  for (let i = 0; i < PLACES; i++) player.arrive({ since: later, home: -1 }, later)
  assert.deepEqual(places, [0, 1, 2])
})
