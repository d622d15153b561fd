/**
 * Asks one worker for the stacks of its Python threads. Runs in the master, one object for each worker.
 *
 * The worker's control thread answers within milliseconds, even when Python is busy. Silence means that C code holds the GIL. Only then
 * a signal makes `faulthandler` write all threads to the worker's output: while Python code runs, that dump may crash the process.
 *
 * Invariant: each question has one answer, or none when the worker dies first.
 * Not here: what the log says (`narrator.ts`), when to ask (`gateway-reports.ts`).
 */

/** While the interpreter runs, an answer takes 5 ms at most. */
const SILENCE_MS = 300
/** For the signal, the dump and the pipe. A dump that comes later is the application's own. */
const DUMP_MS = 10_000
/** The first line of a thread in a dump of `faulthandler`. `records.ts` makes one record of the whole dump. */
const THREAD = /^(?=(?:Current thread|Thread) 0x[0-9a-f]+ )/m
/** Frames that every thread begins with. */
const HIDDEN = ['/jumak_worker/', '<frozen runpy>', '/runpy.py"']
const BOOTSTRAP = /\/threading\.py", line \d+ in (?:_bootstrap|_bootstrap_inner|run)$/

/** A frame of Python's standard library, or of an installed package; captures the package's name. */
const LIBRARY = /^ {2}File "[^"]*\/(?:(?:site|dist)-packages\/([^/".]+)|(?:lib|lib64)\/python\d[\d.]*\/)/
/** How many libraries a line names. */
const MAX_NAMES = 3

export interface StackQuestion {
  /** As `faulthandler` writes it: `0x00007f3a5c0b1740`; empty: every thread. */
  readonly thread: string
  /** The id of the request that the thread runs; empty: none. */
  readonly request: string
}

export interface StackEvents {
  ask(thread: string): void
  /** Sends the signal. */
  dump(): void
  found(question: StackQuestion, text: string): void
}

export class Stacks {
  readonly #events: StackEvents
  /** In the order of the questions, which is the order of the answers. */
  #asked: { readonly question: StackQuestion; readonly timer: NodeJS.Timeout }[] = []
  /** Questions that the dump answers. */
  #unanswered: StackQuestion[] = []
  /** Answers that are still to come, for questions that were given up. */
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

  /** Takes a record of the worker's output. True: it is the dump that we wanted. */
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

  /** All open questions wait for the same lock, so the dump answers all of them. */
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

/** Leaves out frames that say nothing to the application's author. Library frames that called the author's code become one line. */
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
    // For each thread anew. Library frames that the author's code has called are shown.
    hasOwn = line.startsWith('  File ') && (hasOwn || !isLibrary)
  }
  fold()
  return lines.join('\n')
}

function librariesOf(frames: readonly string[]): string {
  const names = new Set(frames.map(line => LIBRARY.exec(line)?.[1] ?? 'Python'))
  return [...names].slice(0, MAX_NAMES).join(', ') + (names.size > MAX_NAMES ? ', ...' : '')
}
