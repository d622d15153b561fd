import { type Case, time } from './case.ts'

export const stop: Readonly<Record<string, Case>> = {
  'shutdown-delay': time(({ shutdownDelay }) => shutdownDelay, 0),
}
