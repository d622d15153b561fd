/**
 * Counts the work of synchronous code in steps, never in time. The number is the same on every machine, however busy.
 *
 * A step is one run of a block of our code (a function, a branch, the body of a loop), as V8 counts it for coverage. Methods of the
 * language may cost more than they seem to. They count as many steps as they may look at or copy: the characters from the beginning of a search
 * to its end, the elements that `shift` moves, the bytes that `concat` copies, the whole text that `endsWith` may have to join first.
 *
 * Not counted: the work within a regular expression. `scripts/check-regexes.ts` proves that it is linear.
 * Only code that is loaded after `WorkMeter.start` is counted: load it by `import()`.
 */
import { type Profiler, Session } from 'node:inspector'

let charged = 0

export class WorkMeter {
  readonly #session = new Session()

  /** Call it once in a process, before the code under measurement is loaded. */
  static start(): WorkMeter {
    const meter = new WorkMeter()
    meter.#session.connect()
    meter.#session.post('Profiler.enable')
    meter.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
    return meter
  }

  /** The steps of each code. All run once, in this order. */
  stepsOf(codes: readonly (() => unknown)[]): number[] {
    this.#blocks()
    return codes.map(code => {
      charged = 0
      const restore = METHODS.map(wrap)
      try {
        code()
      } finally {
        for (const undo of restore) undo()
      }
      return this.#blocks() + charged
    })
  }

  /** Runs of blocks of our code since the last call. A session of the own thread answers within the call. */
  #blocks(): number {
    let scripts: readonly Profiler.ScriptCoverage[] | null = null
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error
      scripts = answer.result
    })
    if (scripts === null) throw new Error('V8 did not tell what has run')
    let runs = 0
    for (const { url, functions } of scripts as readonly Profiler.ScriptCoverage[])
      if (OURS.test(url)) for (const { ranges } of functions) for (const { count } of ranges) runs += count
    return runs
  }
}

const OURS = /\/src\/(?!.*(?:\.test\.ts|\/testing\/))|\/node_modules\/ws\//

// biome-ignore lint/suspicious/noExplicitAny: any method of any prototype.
type Any = any
interface Method {
  readonly of: Any
  readonly name: string
  readonly cost: (self: Any, given: Any[], result: Any) => number
}

const length = (self: Any) => self.length
/** From where it begins to what it finds; to the end when there is nothing. */
const searched = (self: Any, [, from = 0]: Any[], found: number) =>
  (found < 0 ? self.length : found) - Math.min(from, self.length)
const toResult = (_self: Any, _given: Any[], result: Any) => result.length

const METHODS: readonly Method[] = [
  ...['shift', 'unshift', 'splice', 'includes', 'indexOf', 'join', 'reverse'].map(name => ({
    of: Array.prototype,
    name,
    cost: length,
  })),
  ...['slice', 'map', 'filter', 'concat', 'flat'].map(name => ({ of: Array.prototype, name, cost: toResult })),
  ...[
    'split',
    'trim',
    'trimStart',
    'trimEnd',
    'toLowerCase',
    'toUpperCase',
    'replaceAll',
    'endsWith',
    'lastIndexOf',
  ].map(name => ({ of: String.prototype, name, cost: length })),
  { of: String.prototype, name: 'indexOf', cost: searched },
  {
    of: String.prototype,
    name: 'includes',
    cost: (self, [text], found) => (found ? self.indexOf(text) : self.length),
  },
  // Without a place it may be asked of a text that is not joined yet.
  { of: String.prototype, name: 'startsWith', cost: (self, [text, at]) => (at === undefined ? self : text).length },
  {
    of: RegExp.prototype,
    name: 'exec',
    cost: (_self, [text], found) => (found === null ? String(text).length : found[0].length + 1),
  },
  { of: Buffer, name: 'concat', cost: toResult },
  { of: Buffer, name: 'from', cost: toResult },
  { of: Buffer.prototype, name: 'toString', cost: toResult },
  { of: Buffer.prototype, name: 'indexOf', cost: searched },
  { of: Buffer.prototype, name: 'copy', cost: (_self, _given, copied) => copied },
  { of: Uint8Array.prototype, name: 'set', cost: (_self, [source]) => source.length },
]

function wrap({ of, name, cost }: Method): () => void {
  const own = Object.getOwnPropertyDescriptor(of, name)
  const method = of[name] as (...given: Any[]) => Any
  let isInside = false
  Object.defineProperty(of, name, {
    configurable: true,
    writable: true,
    value(this: Any, ...given: Any[]): Any {
      const result = method.apply(this, given)
      // What it costs may be found out by the method itself.
      if (!isInside) {
        isInside = true
        charged += cost(this, given, result)
        isInside = false
      }
      return result
    },
  })
  return () => {
    if (own === undefined) delete of[name]
    else Object.defineProperty(of, name, own)
  }
}
