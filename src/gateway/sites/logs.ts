/**
 * The logs of sites: which requests have a line in which of them, and where the lines go. What is open outlives a reload. Runs in each event loop
 * of the gateway.
 *
 * Invariants: several logs with one file have one writer. No line waits for a disk or a server: what cannot be written is lost, and told in the
 * program's log. A log that is in no configuration any more is closed after CLOSE_MS.
 * Not here: what a line says (`routing/sites/log-lines.ts`).
 */
import type { SyslogConfig } from '../../config/types.ts'
import type { MakeLogWriter } from '../../routing/sites/compile.ts'
import type { CompiledLog, SiteRequest } from '../../routing/sites/site-request.ts'
import type { SiteLog } from '../../sites/model.ts'
import { LogFile } from '../log-file.ts'

/** Requests that began before a reload mostly end sooner. */
const CLOSE_MS = 30_000
/** Lines that wait until the code for syslog is loaded. */
const MAX_EARLY = 1000
const USER_FACILITY = 1

/** Takes a line with its line feed. */
type WriteLine = (line: string) => void

interface Output {
  readonly write: WriteLine
  share(): void
  reopen(): void
  close(): Promise<void>
  discard(): Promise<void>
}

export interface LogParts {
  readonly log: (level: 'warn' | 'error', message: string) => void
  /** Other threads, or another gateway, write to the same files. */
  readonly hasOthers: boolean
  readonly syslog: SyslogConfig | null
}

export class SiteLogs {
  readonly #parts: LogParts
  #outputs = new Map<string, Output>()

  constructor(parts: LogParts) {
    this.#parts = parts
  }

  /** `logs`: all of the configuration that comes. */
  writerOf(logs: readonly SiteLog[]): MakeLogWriter {
    const before = this.#outputs
    this.#outputs = new Map()
    for (const log of logs) {
      const id = outputId(log)
      if (!this.#outputs.has(id)) this.#outputs.set(id, before.get(id) ?? this.#open(log))
    }
    const gone = [...before].filter(([id]) => !this.#outputs.has(id)).map(([, output]) => output)
    if (gone.length > 0) setTimeout(() => void Promise.all(gone.map(one => one.discard())), CLOSE_MS).unref()
    const outputs = this.#outputs
    // One for each log, so that locations count its sample together.
    const writers = new Map<CompiledLog, (request: SiteRequest) => void>()
    return compiled => {
      const all = compiled.map(one => {
        const writer = writers.get(one) ?? writerInto(one, outputs.get(outputId(one.log))!.write)
        writers.set(one, writer)
        return writer
      })
      const [first, second] = all
      if (first === undefined) return () => {}
      return second === undefined
        ? first
        : request => {
            for (const write of all) write(request)
          }
    }
  }

  share(): void {
    for (const output of this.#outputs.values()) output.share()
  }

  reopen(): void {
    for (const output of this.#outputs.values()) output.reopen()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#outputs.values()].map(output => output.close()))
  }

  #open({ name, target }: SiteLog): Output {
    const { log, hasOthers, syslog } = this.#parts
    return target.kind === 'file'
      ? new LogFile(target.path, `log ${name}`, log, hasOthers)
      : new SyslogOutput({ name, facility: syslog?.facility ?? USER_FACILITY, address: target }, log)
  }
}

/** Lines of one file or of one name in syslog have one writer. */
function outputId({ name, target }: SiteLog): string {
  return JSON.stringify(target.kind === 'file' ? target.path : [name, target])
}

function writerInto({ log, line, condition }: CompiledLog, write: WriteLine): (request: SiteRequest) => void {
  const { sample, alwaysStatus, alwaysSlow } = log
  const put = (request: SiteRequest) => write(`${line(request)}\n`)
  if (condition === null && sample === 1) return put
  let count = 0
  return request => {
    const { receivedAt, response } = request.exchange
    const isFailed = alwaysStatus > 0 && (response.status || 499) >= alwaysStatus
    if (isFailed || (alwaysSlow > 0 && performance.now() - receivedAt >= alwaysSlow)) return put(request)
    const value = condition?.(request) ?? '1'
    if (value === '' || value === '0' || sample === 0) return
    if (++count < sample) return
    count = 0
    put(request)
  }
}

/** Loads what syslog needs when there is such a log. */
class SyslogOutput implements Output {
  #write: WriteLine
  #sender: { close(limitMs: number): Promise<void> } | null = null
  readonly #opened: Promise<void>

  constructor(
    config: { readonly name: string; readonly facility: number; readonly address: SyslogConfig['address'] },
    log: LogParts['log'],
  ) {
    const early: string[] = []
    this.#write = line => {
      if (early.length < MAX_EARLY) early.push(line)
    }
    this.#opened = this.#open(config, log, early)
  }

  readonly write = (line: string): void => this.#write(line)

  async #open(
    config: ConstructorParameters<typeof SyslogOutput>[0],
    log: LogParts['log'],
    early: readonly string[],
  ): Promise<void> {
    const [{ openSender }, { Syslog }] = await Promise.all([
      import('../../observe/remote/open.ts'),
      import('../../observe/remote/syslog.ts'),
    ])
    const sender = openSender(config.address, problem => log('warn', `log ${config.name}: ${problem}`))
    const syslog = new Syslog(config, sender)
    const send = (line: string) => syslog.write('info', 'access', line.trimEnd())
    this.#sender = sender
    this.#write = send
    early.forEach(send)
  }

  share(): void {}
  reopen(): void {}

  async close(): Promise<void> {
    await this.#opened
    await this.#sender?.close(LAST_MESSAGES_MS)
  }

  discard(): Promise<void> {
    return this.close()
  }
}

/** For the last messages, at the end of the process. */
const LAST_MESSAGES_MS = 500

/** Called when a request comes to a location. */
export function followLogs(request: SiteRequest): void {
  const { exchange, location } = request
  const { logs } = location
  if (logs === null && !request.isLogged) return
  // Also if it has come from a location with logs of its own.
  exchange.hasOwnLogs = logs !== null && !logs.hasAccessLog
  if (request.isLogged) return
  request.isLogged = true
  // The location that counts is the one where the request ends, as in nginx.
  const write = () => request.location.logs?.write(request)
  exchange.onClosed(write)
}
