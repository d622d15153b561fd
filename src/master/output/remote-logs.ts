/**
 * What the master tells other programs: the program's log to syslog, and to StatsD its lines by level and the number of workers. Runs in the
 * master. Loaded only where one of the two is wanted.
 *
 * Invariant: a line of the log is sent as it is written, so at the same least level. Not here: requests (`gateway/remote.ts`).
 */
import type { Config } from '../../config/types.ts'
import type { Log, Logged } from '../../observe/log.ts'
import { openSender } from '../../observe/remote/open.ts'
import type { Sender } from '../../observe/remote/sender.ts'
import { Statsd } from '../../observe/remote/statsd.ts'
import { Syslog } from '../../observe/remote/syslog.ts'

const SAMPLE_MS = 1000
/** The number of workers is sent again after so many samples, though it is the same: the server may be new, or a datagram lost. */
const REPEAT = 10
/** For the last messages, at the end of the program. */
const LAST_MESSAGES_MS = 500

export interface RemoteLogs {
  /** Called each second from now on: how many workers live. */
  watch(workers: () => number): void
  close(): Promise<void>
}

export function openRemoteLogs({ statsd, syslog }: Pick<Config, 'statsd' | 'syslog'>, log: Log): RemoteLogs {
  const senders: Sender[] = []
  const open = (address: Parameters<typeof openSender>[0], setting: string): Sender => {
    const sender = openSender(address, problem => log.warn('master', `${setting}: ${problem}`))
    senders.push(sender)
    return sender
  }
  if (syslog !== null) {
    const lines = new Syslog(syslog, open(syslog.address, 'syslog'))
    log.listen(({ level, grave, ...line }) =>
      lines.write(grave === 'critical' ? grave : level, 'error', withSource(line)),
    )
  }
  const metrics = statsd === null ? null : new Statsd(statsd, open(statsd.address, 'statsd-host'))
  if (metrics !== null)
    log.listen(({ level, grave }) => {
      const name = grave ?? (level === 'warn' ? 'warning' : level)
      if (level === 'error' || level === 'warn') metrics.count(`log.${name}`)
    })
  let timer: NodeJS.Timeout | undefined
  return {
    watch(workers) {
      if (metrics === null) return
      let [told, age] = [-1, 0]
      timer = setInterval(() => {
        const count = workers()
        if (count === told && ++age < REPEAT) return
        ;[told, age] = [count, 0]
        metrics.gauge('workers', count)
      }, SAMPLE_MS).unref()
    },
    async close() {
      clearInterval(timer)
      metrics?.flush()
      await Promise.all(senders.map(sender => sender.close(LAST_MESSAGES_MS)))
    },
  }
}

/** Lines of Jumak's own have no source, as on a terminal. */
function withSource({ source, message, fields: { app, worker, request } }: Omit<Logged, 'level' | 'grave'>): string {
  const process = source === 'worker' && worker !== undefined ? `worker ${worker}` : source
  const names = [app, source === 'master' || source === 'gateway' ? undefined : process, request && `[${request}]`]
  const about = names.filter(name => name).join(' ')
  return about === '' ? message : `${about}: ${message}`
}
