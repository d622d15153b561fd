/** Settings of the workers. */
import { z } from 'zod'
import { parseDuration } from '../duration.ts'
import { defineSetting } from './setting.ts'

/** More would be a slip of the finger: each worker is a process. */
const MAX_WORKERS = 1024
/** Each thread is a slot with a socket of its own; Python runs one of them at a time. */
const MAX_THREADS = 256

function count(maximum: number): z.ZodType<number, string> {
  const message = `must be a number from 1 to ${maximum}`
  return z
    .string()
    .regex(/^\d+$/, message)
    .transform(Number)
    .pipe(z.number().min(1, message).max(maximum, message))
}

export const workers = defineSetting<number | 'auto'>({
  name: 'workers',
  short: 'w',
  section: 'Workers',
  placeholder: 'N',
  schema: z.union([z.literal('auto'), count(MAX_WORKERS)], { error: `must be a number from 1 to ${MAX_WORKERS}, or auto` }),
  defaultText: 'auto',
  doc: "Worker processes; auto is one for each core within the container's CPU quota, at least 2.",
  change: 'live',
})

export const threads = defineSetting({
  name: 'threads',
  section: 'Workers',
  placeholder: 'N',
  schema: count(MAX_THREADS),
  defaultText: '1',
  doc: 'Threads of each worker, for applications that wait more than they compute.',
  change: 'reload',
})

export const timeout = defineSetting({
  name: 'timeout',
  section: 'Workers',
  placeholder: 'TIME',
  schema: z.string().transform((text, context) => {
    const milliseconds = parseDuration(text)
    if (milliseconds === null) {
      context.addIssue({ code: 'custom', message: 'must be seconds (30), or a number with a unit (500ms, 30s, 2m); 0 is none' })
      return z.NEVER
    }
    return milliseconds
  }),
  defaultText: '30s',
  doc: 'Time for the application to begin its response, and between parts of it; then the client gets 504 and the worker is replaced.',
  change: 'restart',
})
