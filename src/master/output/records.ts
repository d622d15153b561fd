/**
 * Puts the lines that a process printed together to records: a traceback, or the output of one call, is one record. It is logged
 * as a whole, and not between another worker's lines. Runs in the master, one object for each output; it has one timer.
 *
 * `python/jumak_worker/output/streams.py` puts a mark before a line when it knows more about it. Marks never reach the log:
 *
 *     0x1f kind id 0x1f text      kind  =  the line is complete            id  of the request, or empty
 *                                       >  the next line is of the same call
 *                                       ~  the line has no end yet: the next line of this id goes on with it
 *
 * A line without a mark belongs to no request: it was printed outside of one, by a subprocess, or by C code.
 *
 * Invariants: a line is passed on at once unless it is marked with > or belongs to a traceback. A record waits at most 40 ms without a new
 * line, or half a second when its end is known to be missing, and has at most 64 KiB or 200 lines. Nothing is lost, and the lines of one
 * request stay in order.
 */

/** Open records are checked at this interval: a record that may have ended is closed after 20 to 40 ms without a new line. */
const SILENCE_MS = 20
/** A record without its end is closed after this many checks without a new line: its writer may wait for the GIL or for a core. */
const PATIENCE = 25
const MAX_LINES = 200
const MAX_LENGTH = 64 * 1024
/** How many requests of one worker can have an open record, or a line without an end, at a time. */
const MAX_OPEN = 64

const MARK = /\x1f([=>~])([A-Za-z0-9._:@/+=-]{0,128})\x1f/
/** As Python begins a traceback. All lines of an exception group are indented. */
const TRACEBACK = /^(?:Traceback|( +\+ )Exception Group Traceback) \(most recent call last\):$/
/** A traceback within a line, as in an application's JSON log; and our own message about an error of the application. */
const WITHIN = 'Traceback (most recent call last):'
const OURS = 'application error in '
const CHAINED = /^(?:During handling of the above exception|The above exception was the direct cause)/

/** A dump of `faulthandler`: from a crash, from the application, or for us (`stacks.ts`). */
const DUMP = /^(?:Current thread|Thread) 0x[0-9a-f]+ .*\(most recent call first\):$/

/** frames: the exception's own line is still to come · group: an exception group · chain: another traceback may follow · dump: threads. */
type Traceback = 'none' | 'frames' | 'group' | 'chain' | 'dump'

class OpenRecord {
  readonly request: string
  /** It has a traceback or our own error message: its level in the log is error. */
  isError = false
  lines: string[] = []
  length = 0
  traceback: Traceback = 'none'
  /** The next line is of the same call. */
  goesOn = false
  /** Checks without a new line. */
  quietLooks = 0

  constructor(request: string) {
    this.request = request
  }

  get isOpen(): boolean {
    return this.goesOn || this.traceback !== 'none'
  }

  /** Its end is known to be missing. */
  get lacksEnd(): boolean {
    return this.goesOn || this.traceback === 'frames'
  }

  takes(text: string): boolean {
    if (this.lacksEnd) return true
    const isIndented = text.startsWith(' ')
    if (this.traceback === 'group') return isIndented
    if (this.traceback === 'dump') return text === '' || isIndented || DUMP.test(text)
    return this.traceback === 'chain' && (text === '' || isIndented || CHAINED.test(text) || TRACEBACK.test(text))
  }

  add(text: string, goesOn: boolean): void {
    this.lines.push(text)
    this.length += text.length
    this.goesOn = goesOn
    this.quietLooks = 0
    if (text.startsWith(OURS) || text.includes(WITHIN)) this.isError = true
    const begin = TRACEBACK.exec(text)
    if (begin !== null) this.traceback = begin[1] === undefined ? 'frames' : 'group'
    else if (DUMP.test(text)) this.traceback = 'dump'
    else if (this.traceback === 'frames' && !text.startsWith(' ')) this.traceback = 'chain'
  }
}

/** `request`: its id, or empty. `isError`: the record is about an error. */
export type OnRecord = (message: string, request: string, isError: boolean) => void

export class Records {
  readonly #onRecord: OnRecord
  /** By request id; `null`: lines without a mark. */
  readonly #open = new Map<string | null, OpenRecord>()
  /** Lines without an end, by request id. */
  readonly #unfinished = new Map<string, string>()
  /** The mark of a line that was cut: its rest comes next. */
  #cut: { readonly request: string | null; readonly kind: string } | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(onRecord: OnRecord) {
    this.#onRecord = onRecord
  }

  /** `isCut`: the rest of the line is the next one. */
  line(line: string, isCut: boolean): void {
    const cut = this.#cut
    if (cut !== null) {
      this.#place(cut.request, cut.kind, line, isCut)
      return
    }
    const mark = line.includes('\x1f') ? MARK.exec(line) : null
    if (mark === null) {
      this.#place(null, '=', line, isCut)
      return
    }
    // Text before the mark: somebody else printed it without a line break.
    if (mark.index > 0) this.#add(null, line.slice(0, mark.index), false)
    this.#place(mark[2]!, mark[1]!, line.slice(mark.index + mark[0].length), isCut)
  }

  /** The writer has gone: nothing follows. */
  end(): void {
    for (const [request, text] of this.#unfinished) this.#add(request, text, false)
    this.#unfinished.clear()
    for (const key of [...this.#open.keys()]) this.#close(key)
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #place(request: string | null, kind: string, line: string, isCut: boolean): void {
    this.#cut = isCut ? { request, kind } : null
    if (request === null) {
      this.#add(null, line, isCut)
      return
    }
    const text = `${this.#unfinished.get(request) ?? ''}${line}`
    this.#unfinished.delete(request)
    if (kind === '~' && !isCut && text.length < MAX_LENGTH) {
      this.#unfinished.set(request, text)
      const [oldest] = this.#unfinished
      if (this.#unfinished.size <= MAX_OPEN || oldest === undefined) return
      this.#unfinished.delete(oldest[0])
      this.#add(oldest[0], oldest[1], false)
    } else {
      this.#add(request, text, isCut || kind === '>')
    }
  }

  #add(key: string | null, text: string, goesOn: boolean): void {
    let record = this.#open.get(key)
    if (record !== undefined && !record.takes(text)) {
      this.#close(key)
      record = undefined
    }
    if (record === undefined) {
      record = new OpenRecord(key ?? '')
      this.#open.set(key, record)
    }
    record.add(text, goesOn)
    if (!record.isOpen) {
      this.#close(key)
      return
    }
    if (record.lines.length >= MAX_LINES || record.length >= MAX_LENGTH) this.#emit(record)
    const oldest = this.#open.keys().next().value
    if (this.#open.size > MAX_OPEN && oldest !== undefined) this.#close(oldest)
    this.#timer ??= setTimeout(() => this.#look(), SILENCE_MS)
  }

  #look(): void {
    this.#timer = null
    for (const [key, record] of this.#open) {
      record.quietLooks++
      if (record.quietLooks > (record.lacksEnd ? PATIENCE : 1)) this.#close(key)
    }
    if (this.#open.size > 0) this.#timer = setTimeout(() => this.#look(), SILENCE_MS)
  }

  #close(key: string | null): void {
    const record = this.#open.get(key)
    this.#open.delete(key)
    if (record !== undefined) this.#emit(record)
  }

  #emit(record: OpenRecord): void {
    const { lines } = record
    record.lines = []
    record.length = 0
    if (lines.length === 0) return
    // Empty lines at the end were kept because a chained exception could have followed.
    while (lines.length > 1 && lines.at(-1) === '') lines.pop()
    this.#onRecord(lines.join('\n'), record.request, record.isError)
  }
}
