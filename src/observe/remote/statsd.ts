/**
 * Metrics for a StatsD server: gunicorn's names and types, behind a prefix of the operator's.
 *
 *     PREFIX.requests:1|c|@1.0            each request, when it is over
 *     PREFIX.request.duration:1.234|ms    from its head to the end of its response
 *     PREFIX.request.status.200:1|c|@1.0  499: the client left before there was an answer
 *     PREFIX.workers:4|g                  workers that live
 *     PREFIX.log.warning:1|c|@1.0         lines of the log; also error, critical, exception
 *     PREFIX.backlog:0|h                  requests that wait, if that is wanted
 *     …|#TAG:VALUE,TAG                    tags, as DogStatsD reads them
 *
 * Runs in the master, and in each event loop of the gateway. Invariants: the metrics of one turn of the event loop leave together, each
 * datagram with at most `MAX_DATAGRAM` bytes. Nothing that a client sends is in a name.
 * Not here: sending (`sender.ts`), which moments count (`master/output/remote-logs.ts`, `gateway/parts.ts`).
 */
import type { StatsdConfig } from '../../config/types.ts'
import { statusOf } from '../access-format.ts'
import type { AccessWriter } from '../access-log.ts'
import type { Sender } from './sender.ts'

/** What fits into a packet of Ethernet, whatever is around it. */
const MAX_DATAGRAM = 1432

export class Statsd {
  readonly #prefix: string
  readonly #end: string
  readonly #sender: Pick<Sender, 'send'>
  #pending = ''
  #isScheduled = false

  constructor({ prefix, tags }: Pick<StatsdConfig, 'prefix' | 'tags'>, sender: Pick<Sender, 'send'>) {
    this.#prefix = prefix === '' ? '' : `${prefix}.`
    this.#end = tags === '' ? '' : `|#${tags}`
    this.#sender = sender
  }

  count(name: string): void {
    this.#add(`${name}:1|c|@1.0`)
  }

  gauge(name: string, value: number): void {
    this.#add(`${name}:${value}|g`)
  }

  /** `value`: milliseconds. */
  timer(name: string, value: number): void {
    this.#add(`${name}:${Math.round(value * 1000) / 1000}|ms`)
  }

  histogram(name: string, value: number): void {
    this.#add(`${name}:${value}|h`)
  }

  /** Sends what waits. */
  flush(): void {
    this.#isScheduled = false
    if (this.#pending === '') return
    this.#sender.send(Buffer.from(this.#pending, 'latin1'))
    this.#pending = ''
  }

  #add(metric: string): void {
    const line = `${this.#prefix}${metric}${this.#end}`
    if (this.#pending.length + line.length + 1 > MAX_DATAGRAM) this.flush()
    this.#pending += this.#pending === '' ? line : `\n${line}`
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.flush())
  }
}

/** Three metrics for each request, in gunicorn's order. */
export function requestMetrics(statsd: Statsd): AccessWriter {
  return entry => {
    statsd.timer('request.duration', performance.now() - entry.receivedAt)
    statsd.count('requests')
    statsd.count(`request.status.${statusOf(entry)}`)
  }
}
