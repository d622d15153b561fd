/** The part of gunicorn's section "Logging" that is about other programs: syslog, StatsD. Pure. */
import { type AnyOption, works } from '../option.ts'
import { flag, type Shape, text } from '../shapes.ts'
import type { Translation } from '../translation.ts'
import { writesAccessLog } from './logger-class.ts'

/** `syslog` and `statsd_host` read the others. */
const withSyslog = () => {}
const withStatsd = () => {}

export const ACCESS_TO_SYSLOG: AnyOption = works(
  'disable_redirect_access_to_syslog',
  {
    flags: ['--disable-redirect-access-to-syslog'],
    shape: flag(),
    standard: 'False',
    doc: 'Send no access log to syslog.',
  },
  'no `--syslog-requests`',
  withSyslog,
)

const SYSLOG_ADDRESS = 'udp://localhost:514'

export const SYSLOG: readonly AnyOption[] = [
  works(
    'syslog_addr',
    {
      flags: ['--log-syslog-to'],
      shape: text(),
      standard: SYSLOG_ADDRESS,
      doc: 'Address of syslog: udp://HOST:PORT, tcp://HOST:PORT or unix://PATH.',
    },
    '`--syslog`; over TCP a line feed ends each message, where gunicorn has a NUL',
    withSyslog,
  ),
  works(
    'syslog',
    { flags: ['--log-syslog'], shape: flag(), standard: 'False', doc: 'Send the logs to syslog.' },
    '`--syslog`: lines of Jumak and output of the application too; all name the process of the master or the gateway',
    (isOn, to) => {
      if (!isOn) return
      to.set('syslog', syslogAddress(to.valueOf<string>('syslog_addr') ?? SYSLOG_ADDRESS, to))
      const prefix = to.valueOf<string>('syslog_prefix') || programName(to)
      to.set('syslog-name', `gunicorn.${prefix}`)
      const facility = to.valueOf<string>('syslog_facility')
      if (facility !== undefined) to.set('syslog-facility', facility)
      if (to.valueOf<boolean>('disable_redirect_access_to_syslog') !== true && !writesAccessLog(to))
        to.set('syslog-requests', 'on')
    },
  ),
  works(
    'syslog_prefix',
    { flags: ['--log-syslog-prefix'], shape: text(), doc: "The program's name in syslog." },
    '`--syslog-name`, behind `gunicorn.`; without it the name of `--name`, else that of the application',
    withSyslog,
  ),
  works(
    'syslog_facility',
    { flags: ['--log-syslog-facility'], shape: text(), standard: 'user', doc: 'Facility of syslog.' },
    '`--syslog-facility`',
    withSyslog,
  ),
]

export const STATSD: readonly AnyOption[] = [
  works(
    'statsd_host',
    {
      flags: ['--statsd-host'],
      shape: address(),
      doc: 'Address of StatsD, which gets metrics: HOST:PORT or unix://PATH.',
    },
    '`--statsd-host`; metrics of one moment share a datagram, and all requests count, also those that no worker gets',
    (host, to) => {
      if (host === '') return
      to.set('statsd-host', host)
      const prefix = statsdPrefix(to.valueOf<string>('statsd_prefix') ?? '')
      to.set('statsd-prefix', `${prefix}gunicorn`)
      const tags = to.valueOf<string>('dogstatsd_tags')
      if (tags) to.set('statsd-tags', tags)
      if (to.valueOf<boolean>('enable_backlog_metric') === true) to.set('statsd-backlog', 'on')
    },
  ),
  works(
    'dogstatsd_tags',
    { flags: ['--dogstatsd-tags'], shape: text(), standard: '', doc: 'Tags of the metrics.' },
    '`--statsd-tags`',
    withStatsd,
  ),
  works(
    'statsd_prefix',
    { flags: ['--statsd-prefix'], shape: text(), standard: '', doc: 'Beginning of the names of the metrics.' },
    '`--statsd-prefix`, in front of `gunicorn`',
    withStatsd,
  ),
  works(
    'enable_backlog_metric',
    {
      flags: ['--enable-backlog-metric'],
      shape: flag(),
      standard: 'False',
      doc: 'Send how many connections wait, too.',
    },
    '`--statsd-backlog`: requests that wait for a worker; no connections wait',
    withStatsd,
  ),
]

/** A file may have a pair of host and port, as `statsd_host` of older files. */
function address(): Shape<string> {
  const shape = text()
  return {
    ...shape,
    fromFile: written =>
      Array.isArray(written) && written.length === 2 ? { value: written.join(':') } : shape.fromFile(written),
  }
}

/** `#dgram` of gunicorn says which kind of socket it is. Here both are tried. */
function syslogAddress(written: string, to: Translation): string {
  if (!/^(?:unix|udp|tcp):\/\//.test(written)) to.reject('must have unix://, udp:// or tcp:// in front of the address')
  if (written === 'udp://' || written === 'tcp://') return `${written}localhost`
  return written.startsWith('unix://') ? written.replace(/#(?:dgram|stream)$/, '') : written
}

/** gunicorn calls itself by the application, and a colon ends a name in syslog. */
function programName(to: Translation): string {
  const app = to.values.get('app')?.[0]?.text
  const name = to.valueOf<string>('proc_name') ?? to.valueOf<string>('default_proc_name') ?? app ?? 'gunicorn'
  return name.replaceAll(':', '.').replaceAll(/[^\x21-\x7e]/g, '_')
}

/** With one dot at its end; one of a single letter stays as it is, as there. */
function statsdPrefix(written: string): string {
  let end = written.length
  while (end > 0 && written[end - 1] === '.') end--
  return end > 1 ? `${written.slice(0, end)}.` : written
}
