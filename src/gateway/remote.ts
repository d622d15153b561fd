/**
 * What the gateway tells other programs of its requests: metrics to StatsD, the access log to syslog. Runs in each event loop of the gateway.
 * Loaded only where one of the two is wanted.
 */
import type { GatewayConfig } from '../config/types.ts'
import { type AccessWriter, createAccessWriter } from '../observe/access-log.ts'
import { openSender } from '../observe/remote/open.ts'
import type { Sender } from '../observe/remote/sender.ts'
import { requestMetrics, Statsd } from '../observe/remote/statsd.ts'
import { Syslog } from '../observe/remote/syslog.ts'

/** For the last messages, at the end of the process. */
const LAST_MESSAGES_MS = 500

export class RemoteRecords {
  /** Called at the end of each request. */
  readonly writers: readonly AccessWriter[]
  readonly #statsd: Statsd | null = null
  readonly #hasBacklog: boolean
  readonly #senders: Sender[] = []

  constructor(
    { statsd, syslog }: Pick<GatewayConfig, 'statsd' | 'syslog'>,
    log: (level: 'warn', message: string) => void,
  ) {
    const writers: AccessWriter[] = []
    this.#hasBacklog = statsd?.backlog ?? false
    if (statsd !== null) {
      this.#statsd = new Statsd(
        statsd,
        this.#open(statsd.address, problem => log('warn', `statsd-host: ${problem}`)),
      )
      writers.push(requestMetrics(this.#statsd))
    }
    if (syslog !== null && syslog.access !== null) {
      const lines = new Syslog(
        syslog,
        this.#open(syslog.address, problem => log('warn', `syslog: ${problem}`)),
      )
      writers.push(createAccessWriter(syslog.access, line => lines.write('info', 'access', line.trimEnd())))
    }
    this.writers = writers
  }

  /** `waiting`: requests that wait for a worker now. To be called twice a second. */
  sample(waiting: () => number): void {
    if (this.#hasBacklog) this.#statsd?.histogram('backlog', waiting())
  }

  async close(): Promise<void> {
    this.#statsd?.flush()
    await Promise.all(this.#senders.map(sender => sender.close(LAST_MESSAGES_MS)))
  }

  #open(...args: Parameters<typeof openSender>): Sender {
    const sender = openSender(...args)
    this.#senders.push(sender)
    return sender
  }
}
