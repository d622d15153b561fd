/** Settings of metrics and logs that go to other programs: StatsD, syslog. */
import { onOrOff, text } from '../kinds/kinds.ts'
import { remoteAddress } from '../kinds/remote-address.ts'
import { input, plain } from './setting.ts'

/** RFC3164§4.1.1, with gunicorn's names. */
const FACILITIES: Readonly<Record<string, number>> = {
  kern: 0,
  user: 1,
  mail: 2,
  daemon: 3,
  auth: 4,
  security: 4,
  syslog: 5,
  lpr: 6,
  news: 7,
  uucp: 8,
  cron: 9,
  authpriv: 10,
  ftp: 11,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
}

/** Characters. */
const MAX_NAME = 200
/** Characters. All of them stand in every metric. */
const MAX_TAGS = 500
export const SYSLOG_PORT = 514

const STATSD_SAYS = 'must have letters, digits, dots, hyphens and underscores only'

/** Characters that end a name, a value or a metric there are refused. */
function parsePrefix(written: string) {
  return written.length <= MAX_NAME && /^[\w./-]*$/.test(written)
    ? { value: written.replace(/\.$/, '') }
    : { problem: STATSD_SAYS }
}

function parseTags(written: string) {
  return written.length <= MAX_TAGS && /^[^|#@\s\x00-\x1f\x7f-\uffff]*$/.test(written)
    ? { value: written }
    : { problem: 'must be tags with commas, as in env:prod,shop, of ASCII and without blanks, |, # and @' }
}

function parseName(written: string) {
  return written.length > 0 && written.length <= MAX_NAME && /^[\x21-\x7e]*$/.test(written)
    ? { value: written }
    : { problem: 'must be a word of ASCII' }
}

function parseFacility(written: string) {
  const value = Object.hasOwn(FACILITIES, written.toLowerCase()) ? FACILITIES[written.toLowerCase()]! : null
  return value === null ? { problem: `must be one of ${Object.keys(FACILITIES).join(', ')}` } : { value }
}

export const remoteLogs = {
  statsd: {
    address: input({
      name: 'statsd-host',
      section: 'Logging',
      placeholder: 'ADDR',
      kind: remoteAddress(['udp'], null),
      default: 'off',
      why: 'Few programs have such a server.',
      doc: 'StatsD server that gets metrics: HOST:PORT, or unix:///PATH.',
      more: 'By UDP, or to a Unix socket. `requests`, `request.duration`, `request.status.NNN`, `workers` and `log.LEVEL`, with the types of gunicorn. Metrics of one moment share a datagram. What the server cannot take is lost; a Unix socket needs a `python3` on PATH.',
      change: 'restart',
    }),
    prefix: plain<string>({
      name: 'statsd-prefix',
      section: 'Logging',
      placeholder: 'NAME',
      kind: text('letters, digits, dots, hyphens, underscores', parsePrefix),
      default: 'jumak',
      why: 'Several programs may send to one server.',
      doc: 'Beginning of the names of the metrics; a dot follows.',
      change: 'restart',
    }),
    tags: plain<string>({
      name: 'statsd-tags',
      section: 'Logging',
      placeholder: 'TAGS',
      kind: text('tags with commas', parseTags),
      default: '',
      defaultText: 'none',
      why: 'Only some servers read tags.',
      doc: 'Tags of all metrics, as DogStatsD reads them: env:prod,shop.',
      change: 'restart',
    }),
    backlog: plain<boolean>({
      name: 'statsd-backlog',
      section: 'Logging',
      placeholder: '',
      kind: onOrOff('flag'),
      default: 'off',
      why: 'Only some servers read histograms.',
      doc: 'Also send how many requests wait: the histogram backlog.',
      more: 'Twice a second, from each thread of the gateway those that wait there.',
      change: 'restart',
    }),
  },
  syslog: {
    address: input({
      name: 'syslog',
      section: 'Logging',
      placeholder: 'ADDR',
      kind: remoteAddress(['udp', 'tcp'], SYSLOG_PORT),
      default: 'off',
      why: 'systemd and containers collect the log from standard error.',
      doc: 'Syslog server that gets the log too: unix:///dev/log, udp://HOST:PORT.',
      more: 'Also `tcp://HOST:PORT`, with a line feed behind each message (RFC6587§3.4.2). Messages begin as in RFC3164§4.1, without time and host, which the server adds. What it cannot take is lost; a Unix socket needs a `python3` on PATH.',
      change: 'restart',
    }),
    name: plain<string>({
      name: 'syslog-name',
      section: 'Logging',
      placeholder: 'NAME',
      kind: text('word', parseName),
      default: 'jumak',
      why: 'It tells the lines of several programs apart.',
      doc: "Program's name in syslog; .error or .access follows.",
      change: 'restart',
    }),
    facility: plain<number>({
      name: 'syslog-facility',
      section: 'Logging',
      placeholder: 'NAME',
      kind: text('facility: `user`, `daemon`, `local0` to `local7` …', parseFacility, {
        json: { enum: Object.keys(FACILITIES) },
      }),
      default: 'user',
      why: 'As of any program that is no part of the system.',
      doc: 'Facility in syslog.',
      change: 'restart',
    }),
    requests: input<boolean>({
      name: 'syslog-requests',
      section: 'Logging',
      placeholder: '',
      kind: onOrOff('flag'),
      default: 'off',
      why: 'A message for each request is much.',
      doc: 'Send the access log there too.',
      more: 'In the format of `access-log-format`, and with its conditions. It needs no `access-log`.',
      change: 'restart',
    }),
  },
}
