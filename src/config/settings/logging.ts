/** Settings of the logs. */
import { z } from 'zod'
import { defineSetting } from './setting.ts'

export const accessLog = defineSetting({
  name: 'access-log',
  section: 'Logging',
  placeholder: 'FILE',
  schema: z.string().min(1, 'must name a file, or - for standard output'),
  defaultText: 'none',
  doc: 'One line for each request, in the combined format with the seconds taken, to a file or - (standard output).',
  change: 'restart',
})

export const logLevel = defineSetting({
  name: 'log-level',
  section: 'Logging',
  placeholder: 'LEVEL',
  schema: z.enum(['debug', 'info', 'warn', 'error'], { error: 'must be debug, info, warn or error' }),
  defaultText: 'info',
  doc: 'Least important lines that are written: debug, info, warn or error.',
  change: 'restart',
})
