/**
 * Asks one worker where its Python code stands. Runs in the master; one for each worker.
 *
 * The worker's control thread answers within milliseconds, however busy Python is. Silence means that C code holds the GIL: only
 * then a signal makes `faulthandler` write all threads to the worker's output, for on running Python code that may crash it.
 *
 * Invariant: each question is told once, or never when the worker dies first. Not here: what is said of it (`narrator.ts`).
 */

/** An answer takes 5 ms at most while the interpreter turns. */
const SILENCE_MS = 300
/** For the signal, the dump and the pipe; after it a dump is the application's own. */
const DUMP_MS = 10_000
/** As `faulthandler` begins a thread. `records.ts` makes one record of all of them. */
const THREAD = /^(?=(?:Current thread|Thread) 0x[0-9a-f]+ )/m
/** How a thread begins. */
const HIDDEN = ['/jumak_worker/', '<frozen runpy>', '/runpy.py"']
const BOOTSTRAP = /\/threading\.py", line \d+ in (?:_bootstrap|_bootstrap_inner|run)$/

/** A frame of Python's own, or of an installed package, whose name it captures. */
const LIBRARY = /^ {2}File "[^"]*\/(?:(?:site|dist)-packages\/([^/".]+)|(?:lib|lib64)\/python\d[\d.]*\/)/
/** Libraries that a line names. */
const MAX_NAMES = 3

export interface StackQuestion {
  /** As Python writes its identity: `0x00007f3a5c0b1740`; empty: every thread. */
  readonly thread: string
  /** The id of the request that it is about; empty: none. */
  readonly request: string
}

export interface StackEvents {
  ask(thread: string): void
  /** The signal. */
  dump(): void
  found(question: StackQuestion, text: string): void
}

export class Stacks {
  readonly #events: StackEvents
  /** Asked, in this order. */
  #asked: { readonly question: StackQuestion; readonly timer: NodeJS.Timeout }[] = []
  /** Questions for the dump. */
  #unanswered: StackQuestion[] = []
  /** Answers that are not waited for any more. */
  #late = 0
  #dumpTimer: NodeJS.Timeout | null = null

  constructor(events: StackEvents) {
    this.#events = events
  }

  ask(question: StackQuestion): void {
    const timer = setTimeout(() => this.#giveUp(), SILENCE_MS)
    this.#asked.push({ question, timer })
    this.#events.ask(question.thread)
  }

  answered(text: string): void {
    if (this.#late > 0) {
      this.#late--
      return
    }
    const first = this.#asked.shift()
    if (first === undefined) return
    clearTimeout(first.timer)
    this.#events.found(first.question, text)
  }

  /** A record of the worker's output; true when it was the dump that we wanted. */
  printed(record: string): boolean {
    if (this.#unanswered.length === 0 || record.search(THREAD) !== 0) return false
    const threads = record.split(THREAD)
    for (const question of this.#unanswered.splice(0)) {
      const own = question.thread === '' ? [] : threads.filter(one => one.includes(` ${question.thread} `))
      this.#events.found(question, clean(own.length === 0 ? record : own.join('')))
    }
    this.#endDump()
    return true
  }

  close(): void {
    for (const { timer } of this.#asked) clearTimeout(timer)
    this.#asked = []
    this.#unanswered = []
    this.#endDump()
  }

  /** All that was asked waits for the same thing. */
  #giveUp(): void {
    for (const { question, timer } of this.#asked.splice(0)) {
      clearTimeout(timer)
      this.#unanswered.push(question)
      this.#late++
    }
    if (this.#dumpTimer !== null) return
    this.#dumpTimer = setTimeout(() => {
      this.#dumpTimer = null
      this.#unanswered = []
    }, DUMP_MS)
    this.#events.dump()
  }

  #endDump(): void {
    if (this.#dumpTimer !== null) clearTimeout(this.#dumpTimer)
    this.#dumpTimer = null
  }
}

/** Without the frames that say nothing to the application's author; those of libraries that called its own in one line. */
function clean(dump: string): string {
  const lines: string[] = []
  let callers: string[] = []
  let hasOwn = false
  const fold = () => {
    lines.push(...(callers.length > 1 ? [`  ... ${callers.length} frames of ${librariesOf(callers)}`] : callers))
    callers = []
  }
  for (const line of dump.split('\n')) {
    if (line === '' || HIDDEN.some(part => line.includes(part)) || BOOTSTRAP.test(line)) continue
    const isLibrary = LIBRARY.test(line)
    if (isLibrary && hasOwn) {
      callers.push(line)
      continue
    }
    fold()
    lines.push(line)
    // Of each thread by itself; what its own code has called is shown.
    hasOwn = line.startsWith('  File ') && (hasOwn || !isLibrary)
  }
  fold()
  return lines.join('\n')
}

function librariesOf(frames: readonly string[]): string {
  const names = new Set(frames.map(line => LIBRARY.exec(line)?.[1] ?? 'Python'))
  return [...names].slice(0, MAX_NAMES).join(', ') + (names.size > MAX_NAMES ? ', ...' : '')
}
