/**
 * The access log, which the gateway writes by itself, each thread its own lines: opened at the start and again at USR1. Its problems stand
 * in the program's log.
 */
import { standardStream } from '../base/standard-streams.ts'
import type { AccessLogConfig } from '../config/types.ts'
import { type AccessWriter, createAccessWriter } from '../observe/access-log.ts'
import { openForAppending, Sink } from '../observe/sink.ts'

/** How long the end of the process waits for the reader of the log. */
const LAST_LINES_MS = 500

export class AccessLog {
  /** Null: there is no access log. */
  readonly write: AccessWriter | null = null
  readonly #sink: Sink | null = null
  readonly #log: (level: 'warn' | 'error', message: string) => void

  /**
   * The master has checked, as this user, that the log can be written. If that has changed, the gateway serves without it. `hasOthers`: other
   * threads, or another gateway, write to it too.
   */
  constructor(
    config: AccessLogConfig | null,
    log: (level: 'warn' | 'error', message: string) => void,
    hasOthers: boolean,
  ) {
    this.#log = log
    if (config === null) return
    try {
      // Whichever standard stream is meant: the master has made it our standard output.
      const isStream = config.path === '-' || standardStream(config.path) !== null
      const sink = new Sink(
        isStream ? 1 : config.path,
        count => {
          // Not in the access log: a line of another format would stop the programs that read it.
          log('warn', `access log: ${count} lines dropped, its reader is too slow or its disk is full`)
          return ''
        },
        error => log('error', `access log: ${error.message}: its lines are lost until it can be written again`),
        openForAppending,
        hasOthers,
      )
      this.#sink = sink
      this.write = createAccessWriter(config, line => sink.write(line))
    } catch (error) {
      log('error', `access log: ${(error as Error).message}; serving without it`)
    }
  }

  /** From now on another gateway writes to it too (an upgrade). */
  share(): void {
    this.#sink?.share()
  }

  reopen(): void {
    try {
      this.#sink?.reopen()
    } catch (error) {
      this.#log('error', `access log: ${(error as Error).message}; writing on to the old file`)
    }
  }

  async close(): Promise<void> {
    await this.#sink?.close(LAST_LINES_MS)
  }
}
