/**
 * One of several real threads that claim slots as fast as they can, for `slots.threads.test.ts`. Used by tests only.
 *
 * Beside the protocol's words stands one word for each place, in which a request enters the thread when it begins and takes it out when it
 * ends: `compareExchange` tells if anybody else was there.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { SharedCells } from '../cells.ts'
import { tickOf } from '../clock.ts'
import { type PlayedCall, Player } from './player.ts'

export interface SlotThreadData {
  readonly pool: SharedArrayBuffer
  readonly workers: readonly SharedArrayBuffer[]
  readonly threads: number
  readonly places: number
  readonly thread: number
  /** One word for each place of all workers: who is there. */
  readonly truth: SharedArrayBuffer
  /** As `slot-thread.ts` counts: four words. */
  readonly counts: SharedArrayBuffer
  /** The thread stops when so many requests of all threads have run. */
  readonly claims: number
}

const BATCH = 20
/** Claims of all threads between two messages that say so. */
const PROGRESS = 20_000
const LOOK_EVERY_MS = 2

const { pool, workers, threads, places, thread, truth, counts, claims } = workerData as SlotThreadData
const words = new Int32Array(truth)
const counted = new Int32Array(counts)
/** Requests that ran; that ran where another one was; turns at whose end calls waited; messages. */
const [CLAIMS, CLASHES, WAITED, WAKES] = [0, 1, 2, 3]
/** Returns how many there are now. */
const count = (index: number): number => Atomics.add(counted, index, 1) + 1
const own = thread + 1
/** What runs, as numbers of places, to end in the next turn. */
const running: number[] = []
let isLooking = false
let isAsleep = false

const played = new Player<PlayedCall>(
  { pool: new SharedCells(pool), workers: workers.map(cells => new SharedCells(cells)), threads, places },
  thread,
  {
    run(_call, worker, place) {
      const index = worker * places + place
      if (Atomics.compareExchange(words, index, 0, own) !== 0) count(CLASHES)
      const ran = count(CLAIMS)
      if (ran % PROGRESS === 0) parentPort!.postMessage('progress')
      running.push(index)
    },
    tell: other => parentPort!.postMessage(other),
  },
)

function end(index: number): void {
  if (Atomics.compareExchange(words, index, own, 0) !== own) count(CLASHES)
  played.finish(Math.floor(index / places), index % places, tickOf(performance.now()))
}

/**
 * Many requests one after another on two places, the last two of which end in the next turn: meanwhile other threads find them busy. A thread whose
 * calls wait, and which has no place, sleeps until it is told or looks.
 */
function turn(): void {
  while (running.length > 0) end(running.shift()!)
  const isOver = Atomics.load(counted, CLAIMS) >= claims
  for (let i = 0; i < BATCH && !isOver && played.waiting.length === 0; i++) {
    while (running.length > 1) end(running.shift()!)
    const now = tickOf(performance.now())
    played.arrive({ since: now, home: -1 }, now)
  }
  if (played.waiting.length > 0) {
    count(WAITED)
    lookLater()
  }
  if (running.length > 0) setImmediate(turn)
  else if (played.waiting.length > 0) isAsleep = true
  else parentPort!.postMessage('done')
}

function goOn(): void {
  if (!isAsleep || (played.waiting.length > 0 && running.length === 0)) return
  isAsleep = false
  turn()
}

function lookLater(): void {
  if (isLooking) return
  isLooking = true
  // wait: the protocol's own look, for what no message says
  setTimeout(look, LOOK_EVERY_MS)
}

function look(): void {
  isLooking = false
  played.look(tickOf(performance.now()))
  if (played.waiting.length > 0) lookLater()
  goOn()
}

parentPort!.on('message', () => {
  count(WAKES)
  played.wake(tickOf(performance.now()))
  goOn()
})

// What a dead thread left runs nowhere any more: it died with its thread.
for (const [worker, place] of played.left) {
  const index = worker * places + place
  Atomics.compareExchange(words, index, own, 0)
  played.finish(worker, place, tickOf(performance.now()))
}
parentPort!.postMessage('ready')
turn()
