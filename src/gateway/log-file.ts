/**
 * A log of requests that the gateway writes by itself, each thread its own lines: opened at the start and again at USR1. Its problems stand in
 * the program's log.
 */
import { standardStream } from '../base/standard-streams.ts'
import { openForAppending, Sink } from '../observe/sink.ts'

/** How long the end of the process waits for the reader of the log. */
const LAST_LINES_MS = 500

type Log = (level: 'warn' | 'error', message: string) => void

export class LogFile {
  readonly #sink: Sink | null = null
  readonly #what: string
  readonly #log: Log

  /**
   * The master has checked, as this user, that the log can be written. If that has changed, the gateway serves without it. `what`: for
   * messages. `hasOthers`: other threads, or another gateway, write to it too.
   */
  constructor(path: string, what: string, log: Log, hasOthers: boolean) {
    this.#what = what
    this.#log = log
    try {
      // Whichever standard stream is meant: the master has made it our standard output.
      const isStream = path === '-' || standardStream(path) !== null
      this.#sink = new Sink(
        isStream ? 1 : path,
        count => {
          // Not in the log itself: a line of another format would stop the programs that read it.
          log('warn', `${what}: ${count} lines dropped, its reader is too slow or its disk is full`)
          return ''
        },
        error => log('error', `${what}: ${error.message}: its lines are lost until it can be written again`),
        openForAppending,
        hasOthers,
      )
    } catch (error) {
      log('error', `${what}: ${(error as Error).message}; serving without it`)
    }
  }

  /** False: it could not be opened. */
  get isOpen(): boolean {
    return this.#sink !== null
  }

  /** `line` ends with a line feed. */
  readonly write = (line: string): void => {
    this.#sink?.write(line)
  }

  /** From now on another gateway writes to it too (an upgrade). */
  share(): void {
    this.#sink?.share()
  }

  reopen(): void {
    try {
      this.#sink?.reopen()
    } catch (error) {
      this.#log('error', `${this.#what}: ${(error as Error).message}; writing on to the old file`)
    }
  }

  async close(): Promise<void> {
    await this.#sink?.close(LAST_LINES_MS)
  }

  /** The process goes on without it. */
  async discard(): Promise<void> {
    await this.close()
    this.#sink?.release()
  }
}
