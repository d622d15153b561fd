/** Settings of the logs. */
import { parseAccessLogFormat, parseStatus } from '../kinds/forms.ts'
import { duration, oneOf, path, text } from '../kinds/kinds.ts'
import { defineSetting } from './setting.ts'

export const accessLog = defineSetting({
  name: 'access-log',
  section: 'Logging',
  placeholder: 'FILE',
  kind: path('must name a file, or be - (standard output) or off', ['off']),
  default: 'off',
  why: 'It costs a few µs a request and grows without end; as with gunicorn, whoever wants it says where.',
  doc: 'One line for each request, to a file or to - (standard output).',
  more: '`/dev/stdout` and `/dev/stderr` are the streams that the program was started with, also after `--user`.',
  change: 'restart',
})

export const accessLogFormat = defineSetting<string>({
  name: 'access-log-format',
  section: 'Logging',
  placeholder: 'FORMAT',
  kind: text('`common`, `combined`, `json`, or text with atoms', parseAccessLogFormat),
  default: 'combined',
  why: 'Every log reader knows it.',
  doc: "Named common, combined or json, or gunicorn's atoms: '%(h)s %(r)s %(s)s'.",
  change: 'restart',
})

export const accessLogMinStatus = defineSetting({
  name: 'access-log-min-status',
  section: 'Logging',
  placeholder: 'STATUS',
  kind: text<number>('status, 100 to 599; 0 is all', parseStatus, {
    literals: ['integer'],
    json: { type: 'integer', minimum: 0, maximum: 599 },
  }),
  default: '0',
  defaultText: '0, all',
  why: 'An access log is of all requests unless somebody says otherwise.',
  doc: 'Only responses with this status and above, as in 400.',
  more: 'With `access-log-slow` as well, what meets either is written.',
  change: 'restart',
})

export const accessLogSlow = defineSetting({
  name: 'access-log-slow',
  section: 'Logging',
  placeholder: 'TIME',
  kind: duration('all'),
  default: '0',
  defaultText: '0, all',
  why: 'An access log is of all requests unless somebody says otherwise.',
  doc: 'Only requests that took this long and longer.',
  change: 'restart',
})

export const logFile = defineSetting({
  name: 'log-file',
  section: 'Logging',
  placeholder: 'FILE',
  kind: path('must name a file, or be - (standard error)', ['-']),
  default: '-',
  defaultText: '-, standard error',
  why: 'systemd, Docker and terminals collect it there.',
  doc: "Where Jumak's own lines and the output of the application go.",
  change: 'restart',
})

export const logLevel = defineSetting({
  name: 'log-level',
  section: 'Logging',
  placeholder: 'LEVEL',
  kind: oneOf(['debug', 'info', 'warn', 'error']),
  default: 'info',
  why: 'One line for each thing that happens to a process: what an operator asks after the fact.',
  doc: 'The least important lines that are written: debug, info, warn or error.',
  change: 'restart',
})

export const logFormat = defineSetting({
  name: 'log-format',
  section: 'Logging',
  placeholder: 'FORMAT',
  kind: oneOf(['text', 'json']),
  default: 'text',
  why: 'People read it first.',
  doc: 'As text, or as json: an object for each line.',
  change: 'restart',
})
