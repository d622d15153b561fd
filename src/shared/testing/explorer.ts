/**
 * Runs the code of several threads in every interleaving: a model checker for real code. Used by tests only.
 *
 * A thread is a function that gets a `Machine`. It must depend on nothing but what the machine answers. The explorer runs it from its
 * beginning, gives it the answers of its earlier operations from a log, performs the first operation that is new on the state of the
 * model, logs the answer, and lets the code go on until it wants the next operation. There it throws the code away, by an exception. So
 * between any two operations every other thread may run, time may pass, or the thread may die.
 *
 *     log: 3 0 0 1 │ compareExchange(2, 0, 17) → 0 │ load(5)
 *     ── replayed ─┘ ── performed on the state ───┘ └─ pending: the next choice
 *
 * Two states are the same if words and world are, and each thread has come equally far in the same work. Where a thread rests
 * (`Machine.rest`) it says what it remembers; what it did before does not matter then.
 *
 * What is checked:
 * - `Model.check` for each state that is reached;
 * - that from each of them a settled one can be reached. So nothing is lost for ever, and nothing goes round in circles with no way out.
 *
 * Not here: memory models. All operations are in one order, as `Atomics` promises.
 */
import type { Cells } from '../cells.ts'

/** What is not in words of shared memory: time, messages under way, what the test knows about the threads. */
export interface World {
  clone(): World
  /** All that matters from here on, as numbers: always as many. */
  numbers(): Iterable<number>
}

/** One of the things that may happen next to a thread that rests, or to the world. */
export interface Choice<W extends World> {
  /** What `Machine.rest` returns: it must mean the same in every state. */
  readonly id: number
  readonly label: string
  apply?(world: W): void
}

export interface Machine<W extends World> {
  readonly cells: Cells
  /**
   * An operation on the world that nothing can divide. In a replay it is not run: only its answer comes. `isPrivate`: nothing comes between
   * it and the operation before.
   */
  step(label: string, apply: (world: W) => number, isPrivate?: boolean): number
  /** Waits for one of these things to happen; returns its `id`. `memory`: all that the thread remembers, as text. */
  rest(memory: string, choices: (world: W) => readonly Choice<W>[]): number
}

export interface Model<W extends World> {
  readonly words: number
  readonly threads: number
  world(): W
  /**
   * The thread's operation on this word is of no concern to others: they never use the word, or it is a load and they never write it. So it is
   * performed together with what comes before, which saves many states.
   */
  isPrivate?(thread: number, index: number, isLoad: boolean): boolean
  /** The code of a thread. `life`: 0, and 1 more for each time that it has died. */
  run(machine: Machine<W>, thread: number, life: number): void
  /** What may happen without any thread. */
  surroundings?(state: View<W>): readonly Choice<W>[]
  /** How often threads may die, in all. */
  readonly deaths?: number
  /**
   * So often, at most, a thread goes on while another one is in the midst of its work. Infinite by default: all interleavings. Most faults
   * need one or two.
   */
  readonly preemptions?: number
  died?(world: W, thread: number): void
  /** Says what is wrong with a state; null: nothing. */
  check?(state: View<W>): string | null
  /** Everything is done and given back. */
  isSettled(state: View<W>): boolean
}

/** A state, as the checks of a model see it. */
export interface View<W extends World> {
  readonly words: Int32Array
  readonly world: W
  /** Each thread rests. */
  readonly isAtRest: boolean
  readonly deaths: number
}

export interface Found {
  readonly states: number
  readonly transitions: number
  /** The limit of states was reached: what is beyond is unknown. */
  readonly isCut: boolean
  /** What is wrong, and the shortest way to it, a line for each operation; null: nothing. */
  readonly fault: { readonly what: string; readonly trace: readonly string[] } | null
}

type Pending<W extends World> =
  | {
      readonly kind: 'operation'
      readonly label: string
      readonly isPrivate: boolean
      perform(words: Int32Array, world: W): number
    }
  | { readonly kind: 'rest'; readonly memory: string; choices(world: W): readonly Choice<W>[] }

interface ThreadState<W extends World> {
  readonly life: number
  readonly log: readonly number[]
  /** Where in the log the present work began. */
  readonly since: number
  readonly memory: string
  readonly pending: Pending<W>
}

interface State<W extends World> {
  readonly words: Int32Array
  readonly world: W
  readonly threads: readonly ThreadState<W>[]
  readonly deaths: number
  /** The thread that has run last. */
  readonly last: number
  readonly preemptions: number
}

interface Transition<W extends World> {
  readonly label: string
  next(): State<W>
}

/** Thrown through the code of a thread. The explorer catches it; code under test must not. */
class Suspended extends Error {
  static override readonly stackTraceLimit = 0
}
const SUSPENDED = new Suspended('the code of a thread under test goes no further for now')

/** @param limit - Of states. */
export function explore<W extends World>(model: Model<W>, limit = 1_000_000): Found {
  const explorer = new Explorer(model)
  return explorer.explore(limit)
}

class Explorer<W extends World> {
  readonly #model: Model<W>
  /** By hash of the state. With a million states two different ones have the same hash in one of 20,000 runs; then one is not explored. */
  readonly #ids = new Map<number, number>()
  /** By state: the one from which it was reached first, and by which of its transitions. */
  readonly #parents: number[] = []
  readonly #ways: number[] = []
  /** From and to, in turn. */
  readonly #edges: number[] = []
  readonly #settled: number[] = []

  constructor(model: Model<W>) {
    this.#model = model
  }

  explore(limit: number): Found {
    let frontier: (readonly [number, State<W>])[] = []
    const fault = (what: string, id: number): Found => ({
      ...this.#counts(false),
      fault: { what, trace: this.#traceTo(id) },
    })
    const first = this.#first()
    this.#add(first, -1, 0)
    frontier.push([0, first])
    while (frontier.length > 0) {
      const next: (readonly [number, State<W>])[] = []
      for (const [id, state] of frontier) {
        const view = viewOf(state)
        const wrong = this.#model.check?.(view) ?? null
        if (wrong !== null) return fault(wrong, id)
        if (this.#model.isSettled(view)) this.#settled.push(id)
        let way = 0
        for (const transition of this.#transitions(state)) {
          let reached: State<W>
          try {
            reached = transition.next()
          } catch (error) {
            const trace = [...this.#traceTo(id), transition.label]
            return { ...this.#counts(false), fault: { what: String((error as Error).message), trace } }
          }
          const known = this.#ids.size
          const target = this.#add(reached, id, way++)
          this.#edges.push(id, target)
          if (target === known) next.push([target, reached])
        }
        if (this.#ids.size > limit) return { ...this.#counts(true), fault: null }
      }
      frontier = next
    }
    const lost = this.#firstWithoutWayOut()
    return lost === -1 ? { ...this.#counts(false), fault: null } : fault('there is no way to a settled state', lost)
  }

  #counts(isCut: boolean) {
    return { states: this.#ids.size, transitions: this.#edges.length / 2, isCut }
  }

  #first(): State<W> {
    const words = new Int32Array(this.#model.words)
    const threads = Array.from({ length: this.#model.threads }, (_, thread) => this.#start(thread, 0))
    let state: State<W> = { words, world: this.#model.world(), threads, deaths: 0, last: 0, preemptions: 0 }
    // The first lives begin one after another: nothing has happened yet.
    for (let thread = 0; thread < this.#model.threads; thread++) {
      for (;;) {
        const { pending } = state.threads[thread]!
        if (pending.kind === 'rest') break
        state = { ...this.#proceed(state, thread, pending.perform), last: 0, preemptions: 0 }
      }
    }
    return state
  }

  #start(thread: number, life: number): ThreadState<W> {
    const pending = this.#run(thread, life, [])
    return { life, log: [], since: 0, memory: 'begins', pending, ...boundary(pending, []) }
  }

  #add(state: State<W>, parent: number, way: number): number {
    const hash = hashOf(state)
    const known = this.#ids.get(hash)
    if (known !== undefined) return known
    const id = this.#ids.size
    this.#ids.set(hash, id)
    this.#parents.push(parent)
    this.#ways.push(way)
    return id
  }

  *#transitions(state: State<W>): Generator<Transition<W>> {
    const { world, threads, deaths, last, preemptions } = state
    const isAmidst = threads[last]!.pending.kind === 'operation'
    for (const [thread, { pending }] of threads.entries()) {
      if (isAmidst && thread !== last && preemptions >= (this.#model.preemptions ?? Number.POSITIVE_INFINITY)) continue
      if (pending.kind === 'operation') {
        yield {
          label: `thread ${thread}: ${pending.label}`,
          next: () => this.#proceed(state, thread, pending.perform),
        }
      } else {
        for (const choice of pending.choices(world)) {
          const perform = (_: Int32Array, changed: W): number => {
            choice.apply?.(changed)
            return choice.id
          }
          yield { label: `thread ${thread}: ${choice.label}`, next: () => this.#proceed(state, thread, perform) }
        }
      }
    }
    for (const choice of this.#model.surroundings?.(viewOf(state)) ?? []) {
      const next = (): State<W> => {
        const changed = world.clone() as W
        choice.apply?.(changed)
        return { ...state, world: changed }
      }
      yield { label: choice.label, next }
    }
    if (deaths >= (this.#model.deaths ?? 0)) return
    for (const thread of threads.keys())
      yield { label: `thread ${thread} dies, and is replaced`, next: () => this.#die(state, thread) }
  }

  #proceed(state: State<W>, thread: number, perform: (words: Int32Array, world: W) => number): State<W> {
    const words = state.words.slice()
    const world = state.world.clone() as W
    const before = state.threads[thread]!
    const log = [...before.log, perform(words, world)]
    let pending = this.#run(thread, before.life, log)
    while (pending.kind === 'operation' && pending.isPrivate) {
      log.push(pending.perform(words, world))
      pending = this.#run(thread, before.life, log)
    }
    const threads = state.threads.with(thread, { ...before, log, pending, ...boundary(pending, log) })
    const isPreemption = thread !== state.last && state.threads[state.last]!.pending.kind === 'operation'
    // Counted only where it is limited: it would tell states apart that do not differ.
    const preemptions =
      this.#model.preemptions === undefined || !isPreemption ? state.preemptions : state.preemptions + 1
    const last = this.#model.preemptions === undefined ? 0 : thread
    return { ...state, words, world, threads, last, preemptions }
  }

  #die(state: State<W>, thread: number): State<W> {
    const world = state.world.clone() as W
    this.#model.died?.(world, thread)
    const threads = state.threads.with(thread, this.#start(thread, state.threads[thread]!.life + 1))
    return { ...state, world, threads, deaths: state.deaths + 1 }
  }

  /** Runs the code until it wants an operation that is not in the log. */
  #run(thread: number, life: number, log: readonly number[]): Pending<W> {
    let at = 0
    let pending: Pending<W> | null = null
    const ask = (make: () => Pending<W>): number => {
      if (pending === null && at < log.length) return log[at++]!
      pending ??= make()
      throw SUSPENDED
    }
    const isPrivate = (index: number, isLoad: boolean) => this.#model.isPrivate?.(thread, index, isLoad) ?? false
    const cells: Cells = {
      load: index =>
        ask(() => ({
          kind: 'operation',
          label: `load(${index})`,
          isPrivate: isPrivate(index, true),
          perform: words => words[index]!,
        })),
      store: (index, value) =>
        void ask(() => ({
          kind: 'operation',
          label: `store(${index}, ${value})`,
          isPrivate: isPrivate(index, false),
          perform: words => {
            words[index] = value
            return 0
          },
        })),
      add: (index, value) =>
        ask(() => ({
          kind: 'operation',
          label: `add(${index}, ${value})`,
          isPrivate: isPrivate(index, false),
          perform: words => {
            const before = words[index]!
            words[index] = before + value
            return before
          },
        })),
      compareExchange: (index, expected, value) =>
        ask(() => ({
          kind: 'operation',
          label: `compareExchange(${index}, ${expected}, ${value})`,
          isPrivate: isPrivate(index, false),
          perform: words => {
            const before = words[index]!
            if (before === expected) words[index] = value
            return before
          },
        })),
    }
    const machine: Machine<W> = {
      cells,
      step: (label, apply, isPrivate = false) =>
        ask(() => ({ kind: 'operation', label, isPrivate, perform: (_, world) => apply(world) })),
      rest: (memory, choices) => ask(() => ({ kind: 'rest', memory, choices })),
    }
    try {
      this.#model.run(machine, thread, life)
    } catch (error) {
      if (error !== SUSPENDED) throw error
    }
    // Code that has ended does nothing any more.
    return pending ?? { kind: 'rest', memory: 'ended', choices: () => [] }
  }

  /** The first state from which no settled one can be reached; -1: there is none. */
  #firstWithoutWayOut(): number {
    const count = this.#ids.size
    const edges = this.#edges
    // The edges backwards: those to one state lie side by side.
    const starts = new Int32Array(count + 1)
    for (let i = 1; i < edges.length; i += 2) starts[edges[i]! + 1]!++
    for (let i = 0; i < count; i++) starts[i + 1]! += starts[i]!
    const sources = new Int32Array(edges.length / 2)
    const filled = starts.slice()
    for (let i = 0; i < edges.length; i += 2) sources[filled[edges[i + 1]!]!++] = edges[i]!
    const reached = new Uint8Array(count)
    const stack = [...this.#settled]
    for (const id of stack) reached[id] = 1
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      for (let i = starts[id]!; i < starts[id + 1]!; i++) {
        const source = sources[i]!
        if (reached[source] === 1) continue
        reached[source] = 1
        stack.push(source)
      }
    }
    return reached.indexOf(0)
  }

  /** Goes the way to the state once more, for its labels. */
  #traceTo(id: number): string[] {
    const ways: number[] = []
    for (let at = id; at > 0; at = this.#parents[at]!) ways.unshift(this.#ways[at]!)
    const trace: string[] = []
    let state = this.#first()
    for (const way of ways) {
      const transition = [...this.#transitions(state)][way]!
      state = transition.next()
      trace.push(transition.label)
    }
    return trace
  }
}

/** Where a thread rests, what it has done before is in its memory, if it matters. */
function boundary<W extends World>(pending: Pending<W>, log: readonly number[]) {
  return pending.kind === 'rest' ? { since: log.length, memory: pending.memory } : {}
}

function viewOf<W extends World>({ words, world, threads, deaths }: State<W>): View<W> {
  return { words, world, isAtRest: threads.every(({ pending }) => pending.kind === 'rest'), deaths }
}

/** 53 bits. */
function hashOf<W extends World>({ words, world, threads, deaths, last, preemptions }: State<W>): number {
  let [a, b] = [0x811c9dc5, 0x9e3779b9]
  const mix = (value: number): void => {
    a = Math.imul(a ^ value, 0x01000193)
    a ^= a >>> 15
    b = Math.imul(b ^ value, 0x85ebca6b)
    b ^= b >>> 13
  }
  for (const word of words) mix(word)
  for (const number of world.numbers()) mix(number)
  for (const number of [deaths, last, preemptions]) mix(number)
  for (const { life, log, since, memory } of threads) {
    mix(life)
    mix(log.length - since)
    for (let i = since; i < log.length; i++) mix(log[i]!)
    mix(memory.length)
    for (let i = 0; i < memory.length; i++) mix(memory.charCodeAt(i))
  }
  return (a >>> 0) * 2 ** 21 + (b >>> 11)
}
