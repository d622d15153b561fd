/** The access log (`--access-log`): which requests have a line, and the file that gets it. Runs in the gateway. */
import type { AccessLogConfig } from '../config/types.ts'
import { type AccessWriter, createAccessWriter } from '../observe/access-log.ts'
import { LogFile } from './log-file.ts'

export class AccessLog {
  /** Null: there is no access log. */
  readonly write: AccessWriter | null = null
  readonly #file: LogFile | null = null

  /** `hasOthers`: as for `LogFile`. */
  constructor(
    config: AccessLogConfig | null,
    log: (level: 'warn' | 'error', message: string) => void,
    hasOthers: boolean,
  ) {
    if (config === null) return
    this.#file = new LogFile(config.path, 'access log', log, hasOthers)
    if (this.#file.isOpen) this.write = createAccessWriter(config, this.#file.write)
  }

  /** From now on another gateway writes to it too (an upgrade). */
  share(): void {
    this.#file?.share()
  }

  reopen(): void {
    this.#file?.reopen()
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }
}
