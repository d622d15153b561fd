/** Keys of `[[log]]`: a log of sites and locations. They are defined as settings are. */
import { parseStatus } from '../kinds/forms.ts'
import { count, duration, oneOf, path, text } from '../kinds/kinds.ts'
import { remoteAddress } from '../kinds/remote-address.ts'
import { SYSLOG_PORT } from './remote-logs.ts'
import { input, type Setting, settingsIn } from './setting.ts'
import { nameKey, none, ofFile, template, word } from './site-kinds.ts'

/** More than the requests of a day of most sites. */
const MOST_SAMPLE = 1_000_000

export const logKeys = {
  name: nameKey(
    word(
      'lower-case letters, digits, `-`, `_`',
      /^(?!(?:off|access)$)[a-z0-9][a-z0-9_-]{0,31}$/,
      'must be of lower-case letters, digits, - and _, and neither off nor access',
    ),
    'What `logs` of sites and locations call it; in syslog the name of the lines.',
  ),
  file: input<string | null>({
    ...ofFile,
    ...none,
    name: 'file',
    placeholder: 'FILE',
    kind: path('must name a file, or be - (standard output)'),
    why: 'A log has a file, or syslog.',
    doc: 'Where its lines go, or - for standard output; several logs may have one file.',
    more: 'Opened anew at USR1, for logrotate. On a full disk lines are lost and counted in the log of the program, and nobody waits.',
  }),
  syslog: input({
    ...ofFile,
    ...none,
    name: 'syslog',
    placeholder: 'ADDR',
    kind: remoteAddress(['udp', 'tcp'], SYSLOG_PORT),
    why: 'A log has a file, or syslog.',
    doc: 'Syslog server that gets its lines: unix:///dev/log, udp://HOST:PORT, tcp://HOST:PORT.',
    more: 'The facility is that of `syslog-facility`, the name that of the log. What the server cannot take is lost.',
  }),
  format: input<string>({
    ...ofFile,
    name: 'format',
    placeholder: 'FORMAT',
    kind: template('`combined`, `json`, or text with variables'),
    default: 'combined',
    why: 'Every log reader knows it.',
    doc: "combined (nginx's), json, or text with variables: '$remote_addr $status $request_time'.",
    more: '`json` is an object a line: `time`, `request`, `client`, `method`, `host`, `uri`, `protocol`, `status`, `bytes`, `seconds`, `referer`, `agent`. Beside the variables of sites there are `$queue_time`, `$app_time` and `$worker` here; a value longer than 2,048 bytes is cut.',
  }),
  escape: input({
    ...ofFile,
    name: 'escape',
    placeholder: 'FORM',
    kind: oneOf(['default', 'json', 'none']),
    default: 'default',
    why: 'Nobody forges a line with it.',
    doc: 'How values are written: default (\\xXX, and - for nothing), json (within quotes of JSON), none.',
    more: '`none` leaves quotes and terminal commands beyond ASCII as a client sends them, and replaces control characters only: a reader that trusts the fields can be deceived.',
  }),
  if: input<string>({
    ...ofFile,
    ...none,
    name: 'if',
    placeholder: 'TEXT',
    kind: template('text with variables'),
    why: 'A log has all requests.',
    doc: 'Only requests for which this is neither empty nor 0 have a line, as in "$loggable" of a [[map]].',
  }),
  sample: input<number>({
    ...ofFile,
    name: 'sample',
    placeholder: 'N',
    kind: count(0, MOST_SAMPLE),
    default: '1',
    why: 'A log has all requests.',
    doc: 'One request of N has a line; 0: only those of always-status and always-slow.',
  }),
  alwaysStatus: input<number>({
    ...ofFile,
    name: 'always-status',
    placeholder: 'STATUS',
    kind: text<number>('status, 100 to 599; 0 is none', parseStatus, {
      literals: ['integer'],
      json: { type: 'integer', minimum: 0, maximum: 599 },
    }),
    default: '0',
    defaultText: 'none',
    why: 'It counts only beside `if` and `sample`.',
    doc: 'Requests with this status or above have a line whatever if and sample say, as in 400.',
  }),
  alwaysSlow: input<number>({
    ...ofFile,
    name: 'always-slow',
    placeholder: 'TIME',
    kind: duration('none'),
    default: '0',
    defaultText: 'none',
    why: 'It counts only beside `if` and `sample`.',
    doc: 'Requests that took this long or longer have a line whatever if and sample say, as in 1s.',
  }),
}

export const LOG_KEYS: readonly Setting[] = settingsIn(logKeys)
