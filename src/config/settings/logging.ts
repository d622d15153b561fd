/** Settings of the logs. */
import { oneOf, textOr } from './schemas.ts'
import { defineSetting } from './setting.ts'

export const accessLog = defineSetting({
  name: 'access-log',
  section: 'Logging',
  placeholder: 'FILE',
  schema: textOr('off', 'must name a file, or be - (standard output) or off'),
  // It costs a few µs a request and grows without end; as with gunicorn, whoever wants it says where.
  default: 'off',
  doc: 'One line for each request, in the combined format with the seconds taken, to a file, or to - (standard output).',
  change: 'restart',
})

export const logLevel = defineSetting({
  name: 'log-level',
  section: 'Logging',
  placeholder: 'LEVEL',
  schema: oneOf(['debug', 'info', 'warn', 'error']),
  // One line for each thing that happens to a process: what an operator asks after the fact.
  default: 'info',
  doc: 'The least important lines that are written: debug, info, warn or error.',
  change: 'restart',
})
