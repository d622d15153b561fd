/**
 * What the master should do next for one application: the state of its processes + the wanted numbers of workers + time → actions. Pure.
 * `fleet.ts` calls `plan` after every event and again at `wakeAt`. It carries out the actions; each one changes the phase of a process, so that the next
 * plan does not repeat it. The phases of a worker: `worker-phases.ts`.
 *
 * Invariants: a linked worker is taken away only when enough others of its generation are linked, or, when it is at fault, after the
 * graceful timeout at the latest; every wait has an end; a generation is promoted only when all its workers are linked; at most one
 * worker of a pool is being recycled, from the fork of its replacement until it has gone. Each pool has its own number of workers and
 * its own back-off, and is judged by itself: one whose workers die again and again holds up no other. Only the promotion waits for all.
 * Not here: how an action is carried out (`workers.ts`, `generations.ts`), what counts as a crash (`worker-ends.ts`), the gateway
 * (`gateway-plan.ts`).
 */
import { type Fault, HAS_LINKS, IN_SERVICE, SETTLED, UNREADY, type WorkerPhase } from './worker-phases.ts'

export interface WorkerView {
  readonly id: number
  readonly generation: number
  /** Name of its pool; empty: the main pool. */
  readonly pool: string
  readonly phase: WorkerPhase
  /** When the phase began. */
  readonly since: number
  readonly fault: Fault | null
  readonly faultSince: number
  /** From this moment on it is due for recycling, although nothing is wrong with it. Infinity: not yet. */
  readonly recycleAt: number
  /** It stands in a debugger. */
  readonly isDebugged: boolean
  /** It has served, maybe for the gateway before this one. */
  readonly hasServed: boolean
}

export interface GenerationView {
  readonly number: number
  /** `loading`: it cannot fork yet. `gone`: the preloader has died, or was ended. */
  readonly preloader: 'loading' | 'forking' | 'gone'
  readonly pools: readonly PoolView[]
}

export interface PoolView {
  readonly name: string
  /** How many workers it should have. */
  readonly wanted: number
  /** Back-off of a crash loop. */
  readonly forkNotBefore: number
}

export interface FleetState {
  readonly now: number
  readonly gracefulMs: number
  /** The gateway listens: it connects workers. */
  readonly hasGateway: boolean
  /** The generation that serves; null until the first does. */
  readonly serving: number | null
  /** The generation that comes up to take over; null: none does. */
  readonly next: number | null
  readonly nextNotBefore: number
  /** No generation serves, because the last one was given up: another one is tried. */
  readonly triesAgain: boolean
  readonly generations: readonly GenerationView[]
  readonly workers: readonly WorkerView[]
}

export type Action =
  | { readonly type: 'new-generation' }
  | { readonly type: 'promote' }
  | { readonly type: 'fork'; readonly generation: number; readonly pool: string }
  /** `recycle`: drain, and the log says why. */
  | { readonly type: 'add' | 'drain' | 'recycle' | 'stop' | 'kill'; readonly worker: number }
  | { readonly type: 'end-preloader'; readonly generation: number }

export interface Plan {
  readonly actions: readonly Action[]
  /** When to look again although nothing happened; Infinity: never. */
  readonly wakeAt: number
}

/**
 * The gateway connects Unix sockets within milliseconds, unless the worker does not accept. After a crash of the gateway all of its threads
 * may still run requests: then it is replaced after this time, and the gateway says when it is late.
 */
const LINK_MS = 10_000
/** When a worker dies, `exited` follows the loss of its links and of its connection within milliseconds: then there is nothing to do. */
const DYING_GRACE_MS = 500
/** A worker at fault has nothing to finish, and its stuck thread ends only with the process. */
const FAULT_STOP_MS = 1000
/** No process refuses SIGKILL, but one that waits for a disk takes it later: it is sent again. */
const KILL_AGAIN_MS = 10_000

export function plan(state: FleetState): Plan {
  const planner = new Planner(state)
  planner.run()
  return { actions: planner.actions, wakeAt: planner.wakeAt }
}

class Planner {
  readonly #state: FleetState
  readonly actions: Action[] = []
  wakeAt = Number.POSITIVE_INFINITY

  constructor(state: FleetState) {
    this.#state = state
  }

  run(): void {
    const { serving, next, generations } = this.#state
    if (this.#canPromote()) {
      // Everything else changes with it: the fleet calls `plan` again at once.
      this.actions.push({ type: 'promote' })
      return
    }
    this.#planNextGeneration()
    for (const generation of generations) {
      if (generation.number === serving || generation.number === next) this.#planGeneration(generation)
      else this.#retireGeneration(generation)
    }
    for (const worker of this.#state.workers) this.#planWorker(worker)
  }

  /** A generation with too many workers gives them up first: of an ASGI application several processes would answer by turns. */
  #canPromote(): boolean {
    const { next } = this.#state
    if (next === null) return false
    return this.#pools(next).every(({ name, wanted }) => {
      const healthy = this.#healthy(next, name)
      return healthy.length === wanted && healthy.every(worker => worker.phase === 'linked')
    })
  }

  #pools(number: number): readonly PoolView[] {
    return this.#state.generations.find(generation => generation.number === number)?.pools ?? []
  }

  #wanted({ generation, pool }: WorkerView): number {
    return this.#pools(generation).find(({ name }) => name === pool)?.wanted ?? 0
  }

  /** True: the moment has come. Otherwise `wakeAt` is then at the latest. */
  #isDue(moment: number): boolean {
    if (moment <= this.#state.now) return true
    this.wakeAt = Math.min(this.wakeAt, moment)
    return false
  }

  /** A generation whose preloader died cannot replace its workers: a new one takes over while they serve on. */
  #planNextGeneration(): void {
    const { serving, next, generations, nextNotBefore, triesAgain } = this.#state
    if (next !== null) return
    const present = generations.find(generation => generation.number === serving)
    const isNeeded = serving === null ? triesAgain : present?.preloader === 'gone'
    if (isNeeded && this.#isDue(nextNotBefore)) this.actions.push({ type: 'new-generation' })
  }

  /** Workers that count towards `wanted`. */
  #healthy(generation: number, pool: string): WorkerView[] {
    return this.#state.workers.filter(
      worker =>
        worker.generation === generation &&
        worker.pool === pool &&
        IN_SERVICE.has(worker.phase) &&
        !this.#isLate(worker) &&
        (worker.fault === null || this.#diesAtItsStart(worker)),
    )
  }

  /** All of its threads still run requests of the gateway before. If it links after all, it is one too many. */
  #isLate({ phase, since, hasServed, isDebugged }: WorkerView): boolean {
    return phase === 'linking' && hasServed && !isDebugged && this.#isDue(since + LINK_MS)
  }

  /** Its death or its fault is about to be reported and counted. A replacement before that would ignore the back-off of a crash loop. */
  #diesAtItsStart({ phase, fault, faultSince }: WorkerView): boolean {
    return fault !== 'stuck' && phase !== 'linked' && this.#state.now < faultSince + DYING_GRACE_MS
  }

  #planGeneration(generation: GenerationView): void {
    const { number, pools } = generation
    for (const pool of pools) this.#planPool(generation, pool)
    // A reload of the configuration may remove a pool.
    for (const worker of this.#state.workers)
      if (
        worker.generation === number &&
        IN_SERVICE.has(worker.phase) &&
        !pools.some(({ name }) => name === worker.pool)
      )
        this.#retire(worker)
  }

  #planPool(generation: GenerationView, { name: pool, wanted, forkNotBefore }: PoolView): void {
    const healthy = this.#healthy(generation.number, pool)
    const recycled = this.#findRecycled(generation.number, pool)
    // A worker that is due for recycling goes after its replacement has come.
    const missing = wanted + (recycled === null ? 0 : 1) - healthy.length
    if (missing > 0 && generation.preloader === 'forking' && this.#isDue(forkNotBefore)) {
      for (let i = 0; i < missing; i++) this.actions.push({ type: 'fork', generation: generation.number, pool })
    }
    // The newest go first: the caches of older workers are warm.
    const surplus = healthy.sort((a, b) => b.id - a.id).slice(0, Math.max(0, -missing))
    for (const worker of surplus) this.#retire(worker)
    if (recycled === null || surplus.includes(recycled) || recycled.phase !== 'linked') return
    const others = healthy.filter(one => one !== recycled && one.phase === 'linked' && !surplus.includes(one))
    if (others.length >= wanted) this.#act('recycle', recycled)
  }

  /** The worker whose turn it is: the one that is due for longest. Null while the one before it is still leaving. */
  #findRecycled(generation: number, pool: string): WorkerView | null {
    // A reload replaces all of them.
    if (generation !== this.#state.serving || this.#state.next !== null) return null
    const { now, workers } = this.#state
    const isLeaving = (worker: WorkerView) =>
      worker.generation === generation &&
      worker.pool === pool &&
      worker.recycleAt <= now &&
      !IN_SERVICE.has(worker.phase)
    if (workers.some(isLeaving)) return null
    const [first] = this.#healthy(generation, pool)
      .filter(worker => SETTLED.has(worker.phase))
      .sort((a, b) => a.recycleAt - b.recycleAt || a.id - b.id)
    return first !== undefined && this.#isDue(first.recycleAt) ? first : null
  }

  #retireGeneration(generation: GenerationView): void {
    const workers = this.#state.workers.filter(worker => worker.generation === generation.number)
    for (const worker of workers) if (IN_SERVICE.has(worker.phase) && worker.fault === null) this.#retire(worker)
    if (workers.length === 0 && generation.preloader !== 'gone')
      this.actions.push({ type: 'end-preloader', generation: generation.number })
  }

  #retire(worker: WorkerView): void {
    // It has no request of a client, and its import or warm-up may hang.
    if (UNREADY.has(worker.phase)) this.#act('kill', worker)
    else if (worker.phase === 'ready') this.#act('stop', worker)
    // Without a gateway there are no links to close: the worker is 'ready' then.
    else if (HAS_LINKS.has(worker.phase)) this.#act('drain', worker)
  }

  #act(type: 'add' | 'drain' | 'recycle' | 'stop' | 'kill', worker: WorkerView): void {
    this.actions.push({ type, worker: worker.id })
  }

  #planWorker(worker: WorkerView): void {
    if (worker.fault !== null && IN_SERVICE.has(worker.phase)) {
      this.#planFault(worker)
      return
    }
    const { gracefulMs } = this.#state
    switch (worker.phase) {
      case 'ready':
        if (this.#state.hasGateway && !this.#isPlanned(worker)) this.#act('add', worker)
        break
      case 'linking':
        if (!worker.hasServed && !this.#isPlanned(worker) && this.#isDue(worker.since + LINK_MS))
          this.#act('kill', worker)
        break
      case 'draining':
        if (!worker.isDebugged && this.#isDue(worker.since + gracefulMs)) this.#act('kill', worker)
        break
      case 'drained':
        this.#act('stop', worker)
        break
      case 'stopping':
        if (this.#isDue(worker.since + (worker.fault === null ? gracefulMs : FAULT_STOP_MS))) this.#act('kill', worker)
        break
      case 'killing':
        if (this.#isDue(worker.since + KILL_AGAIN_MS)) this.#act('kill', worker)
        break
      case 'forking':
      case 'starting':
      case 'warming':
      case 'linked':
        // Nobody limits an import here; the gateway limits a warm-up.
        break
    }
  }

  #planFault(worker: WorkerView): void {
    if (worker.fault !== 'stuck' && !this.#isDue(worker.faultSince + DYING_GRACE_MS)) return
    if (worker.fault === 'lost') {
      this.#act('stop', worker)
      return
    }
    if (!HAS_LINKS.has(worker.phase)) {
      this.#act('kill', worker)
      return
    }
    const others = this.#healthy(worker.generation, worker.pool).filter(other => other.phase === 'linked').length
    const isReplaced = others >= this.#wanted(worker) || !this.#isServed(worker.generation)
    if (isReplaced || this.#isDue(worker.faultSince + this.#state.gracefulMs)) this.#act('drain', worker)
  }

  #isServed(generation: number): boolean {
    return generation === this.#state.serving || generation === this.#state.next
  }

  #isPlanned(worker: WorkerView): boolean {
    return this.actions.some(action => 'worker' in action && action.worker === worker.id)
  }
}
