/**
 * The slots of a pool as a model for the explorer: threads that play by the rules, messages that come whenever they like, time that
 * passes, threads that die and are replaced, and Python, which runs what a dead thread has sent to its end. Used by tests only.
 *
 * Faults it finds: two requests at once on one place; a place that stays taken for ever; a call that waits for ever; and, without deaths
 * and slow threads, a call that waits while a place is free, or a thread that has got a place, and no message is under way. With them it
 * is enough that the next look finds it.
 */
import type { QueueOrder } from '../../config/types.ts'
import type { Cells } from '../cells.ts'
import { OVERLOADED_TICKS, poolWords } from '../pool-waits.ts'
import { slotWords } from '../slot-table.ts'
import type { Choice, Machine, Model, World } from './explorer.ts'
import { type PlayedCall, Player } from './player.ts'

export interface Scene {
  readonly workers?: number
  readonly places: number
  /** The calls that come to each thread: the worker that must run each, -1: any. */
  readonly calls: readonly (readonly number[])[]
  readonly deaths?: number
  /** So often time passes although nobody needs it. */
  readonly pauses?: number
  readonly preemptions?: number
  readonly order?: QueueOrder
  /** As in `Board`. */
  readonly usesCounts?: boolean
  /** A thread looks on its own accord only if no message is on its way to it: it would do the same. That saves states. */
  readonly isPatient?: boolean
  /** What stands between the protocol and the words: mistakes, for tests of the test. */
  readonly bend?: (cells: Cells) => Cells
}

/** More than the age at which a grant is anybody's, and than the advantage that an owner has. */
const PAUSE_TICKS = 12
/** And, newest first, than the time after which the newest call has its turn. */
const LONG_PAUSE_TICKS = OVERLOADED_TICKS + 2
const START = 1001
const NOBODY = -1

// Choices of a thread: the number is `kind + KINDS * (place + PLACES * now)`.
const [ARRIVE, WAKE, LOOK, FINISH] = [0, 1, 2, 3]
const KINDS = 4
const PLACES = 64

export class SlotWorld implements World {
  now = START
  pauses: number
  /** Time has passed in the midst of a thread's work, or before it took what it was given. */
  isSlow = false
  /** Of each thread: calls that are still to come. */
  readonly toCome: number[]
  /** Of each thread: messages under way. */
  readonly messages: number[]
  /** Of each thread: calls that wait for any worker, then those that wait for each worker. */
  readonly waiting: number[]
  /** Of each place of all workers: the thread whose request runs there. */
  readonly running: number[]
  /** Of each place: the thread that sent what runs there is dead. */
  readonly orphaned: boolean[]

  constructor(from: Omit<SlotWorld, 'clone' | 'numbers'>) {
    this.now = from.now
    this.pauses = from.pauses
    this.isSlow = from.isSlow
    this.toCome = [...from.toCome]
    this.messages = [...from.messages]
    this.waiting = [...from.waiting]
    this.running = [...from.running]
    this.orphaned = [...from.orphaned]
  }

  clone(): SlotWorld {
    return new SlotWorld(this)
  }

  *numbers(): Generator<number> {
    yield this.now
    yield this.pauses
    yield Number(this.isSlow)
    for (const list of [this.toCome, this.messages, this.waiting, this.running]) yield* list
    for (const is of this.orphaned) yield Number(is)
  }
}

/** Cells that begin somewhere in others. */
function part(cells: Cells, from: number): Cells {
  return {
    load: index => cells.load(from + index),
    store: (index, value) => cells.store(from + index, value),
    add: (index, value) => cells.add(from + index, value),
    compareExchange: (index, expected, value) => cells.compareExchange(from + index, expected, value),
  }
}

export function slotModel(scene: Scene): Model<SlotWorld> {
  const {
    workers = 1,
    places,
    calls,
    deaths = 0,
    pauses = 0,
    order = 'fifo',
    isPatient = false,
    usesCounts = false,
    bend = cells => cells,
  } = scene
  const threads = calls.length
  const lanes = workers + 1
  const hasLanes = calls.some(own => own.some(home => home !== -1))
  const perWorker = slotWords(threads, places)
  const words = poolWords(threads) + workers * perWorker
  const allPlaces = Array.from({ length: workers * places }, (_, place) => place)
  /** By place: the index of its word. */
  const wordOf = allPlaces.map(place => {
    const [worker, own] = [Math.floor(place / places), place % places]
    return poolWords(threads) + (worker + 1) * perWorker - places + own
  })

  function run(machine: Machine<SlotWorld>, thread: number, life: number): void {
    const cells = bend(machine.cells)
    const board = {
      pool: part(cells, 0),
      workers: Array.from({ length: workers }, (_, worker) => part(cells, poolWords(threads) + worker * perWorker)),
      threads,
      places,
      order,
      usesCounts,
    }
    /** Places on which this thread runs something. */
    const busy = new Set<number>()
    const player = new Player<PlayedCall>(board, thread, {
      run({ home }, worker, own) {
        const place = worker * places + own
        const begin = (world: SlotWorld): number => {
          if (world.running[place] !== NOBODY) throw new Error(`two requests at once on place ${place}`)
          world.running[place] = thread
          world.waiting[thread * lanes + home + 1]!--
          return 0
        }
        machine.step(`runs a request on place ${place}`, begin, true)
        busy.add(place)
      },
      tell(other) {
        machine.step(`sends a message to thread ${other}`, world => ++world.messages[other]!)
      },
    })
    const left = new Set(life === 0 ? [] : player.left.map(([worker, own]) => worker * places + own))
    for (;;) {
      const memory = `${[...busy]} ${[...left]} ${player.memory}`
      const chosen = machine.rest(memory, world => choices(world, thread, busy, left))
      const [kind, place, now] = [
        chosen % KINDS,
        Math.floor(chosen / KINDS) % PLACES,
        Math.floor(chosen / KINDS / PLACES),
      ]
      if (kind === ARRIVE) player.arrive({ since: now, home: calls[thread]![place]! }, now)
      else if (kind === WAKE) player.wake(now)
      else if (kind === LOOK) player.look(now)
      else {
        busy.delete(place)
        left.delete(place)
        player.finish(Math.floor(place / places), place % places, now)
      }
    }
  }

  function choices(world: SlotWorld, thread: number, busy: Set<number>, left: Set<number>): Choice<SlotWorld>[] {
    const { now } = world
    const choice = (label: string, kind: number, place: number, apply: (world: SlotWorld) => void) => ({
      label,
      id: kind + KINDS * (place + PLACES * now),
      apply,
    })
    const possible: Choice<SlotWorld>[] = []
    const toCome = world.toCome[thread]!
    if (toCome > 0) {
      const call = calls[thread]!.length - toCome
      const home = calls[thread]![call]!
      possible.push(
        choice('a call comes', ARRIVE, call, changed => {
          changed.toCome[thread]!--
          changed.waiting[thread * lanes + home + 1]!++
        }),
      )
    }
    if (world.messages[thread]! > 0)
      possible.push(choice('a message comes', WAKE, 0, changed => void changed.messages[thread]!--))
    const isWaiting = world.waiting.slice(thread * lanes, (thread + 1) * lanes).some(count => count > 0)
    if (isWaiting && !(isPatient && world.messages[thread]! > 0)) possible.push(choice('looks', LOOK, 0, () => {}))
    for (const place of busy) {
      possible.push(
        choice(`the request on place ${place} ends`, FINISH, place, changed => {
          changed.running[place] = NOBODY
        }),
      )
    }
    for (const place of left) {
      if (world.running[place] === NOBODY)
        possible.push(choice(`has a link to place ${place}, which a dead thread left`, FINISH, place, () => {}))
    }
    return possible
  }

  return {
    words,
    threads,
    deaths,
    ...(scene.preemptions === undefined ? {} : { preemptions: scene.preemptions }),
    run,
    isPrivate(thread, index, isLoad) {
      if (index < poolWords(threads)) {
        const own = index % (poolWords(threads) / threads)
        return own === 2 || (own === 1 && order === 'fifo')
      }
      const own = (index - poolWords(threads)) % perWorker
      if (own < 2) return isLoad
      if (own >= 4 + threads && own < perWorker - places) return !usesCounts
      return isLoad && own === 4 + thread && !hasLanes
    },
    world: () =>
      new SlotWorld({
        now: START,
        pauses,
        isSlow: false,
        toCome: calls.map(own => own.length),
        messages: calls.map(() => 0),
        waiting: calls.flatMap(() => new Array<number>(lanes).fill(0)),
        running: allPlaces.map(() => NOBODY),
        orphaned: allPlaces.map(() => false),
      }),
    surroundings({ world, words, isAtRest }) {
      const possible: Choice<SlotWorld>[] = []
      for (const place of allPlaces) {
        if (!world.orphaned[place]) continue
        const apply = (changed: SlotWorld): void => {
          changed.running[place] = NOBODY
          changed.orphaned[place] = false
        }
        possible.push({ id: place, label: `the request of a dead thread on place ${place} ends`, apply })
      }
      // Time passes where it makes a difference: somebody may take a grant when it is old.
      const isFresh = wordOf.some(at => (words[at]! & 0x100) !== 0 && words[at]! >>> 9 === world.now >> 1)
      if (isFresh || world.pauses > 0) {
        const apply = (changed: SlotWorld): void => {
          changed.now += order === 'fifo' ? PAUSE_TICKS : LONG_PAUSE_TICKS
          if (isFresh || !isAtRest) changed.isSlow = true
          if (!isFresh) changed.pauses--
        }
        possible.push({ id: PLACES, label: 'time passes', apply })
      }
      return possible
    },
    died(world, thread) {
      for (const place of allPlaces) if (world.running[place] === thread) world.orphaned[place] = true
      world.messages[thread] = 0
      world.waiting.fill(0, thread * lanes, (thread + 1) * lanes)
    },
    check({ words, world, isAtRest, deaths }) {
      if (!isAtRest || deaths > 0 || world.isSlow) return null
      if (world.messages.some(count => count > 0)) return null
      for (const place of allPlaces) {
        const word = words[wordOf[place]!]!
        if ((word & 0x100) !== 0) return `place ${place} is granted to a thread, and no message is under way`
        if (word !== 0) continue
        const worker = Math.floor(place / places)
        const waits = world.waiting.findIndex((count, i) => count > 0 && [0, worker + 1].includes(i % lanes))
        if (waits !== -1)
          return `a call of thread ${Math.floor(waits / lanes)} waits, place ${place} is free, and no message is under way`
      }
      return null
    },
    isSettled({ words, world, isAtRest }) {
      const isEmpty = [world.toCome, world.messages, world.waiting].every(counts => counts.every(count => count === 0))
      const isFree = (word: number): boolean => word === 0 || ((word & 0x100) !== 0 && word >>> 9 !== world.now >> 1)
      return isAtRest && isEmpty && wordOf.every(at => isFree(words[at]!))
    },
  }
}
