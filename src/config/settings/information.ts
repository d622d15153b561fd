/** Flags that make the program say something and leave. */
import type { Action } from './setting.ts'

export const help: Action = { name: 'help', short: 'h', section: 'Information', doc: 'Show this and leave.' }

export const version: Action = {
  name: 'version',
  short: 'V',
  section: 'Information',
  doc: 'Show the version of Jumak and of its Node, and leave.',
}
