/** Flags that make the program print something and exit. */
import type { Action } from './setting.ts'

export const usage: Action = {
  name: 'usage',
  short: 'h',
  section: 'Information',
  doc: 'Show the most important settings, and exit.',
}

export const help: Action = { name: 'help', section: 'Information', doc: 'Show every setting, and exit.' }

export const version: Action = {
  name: 'version',
  short: 'V',
  section: 'Information',
  doc: 'Show the version of Jumak and of its Node, and exit.',
}

export const check: Action = {
  name: 'check',
  section: 'Information',
  doc: 'Say what is wrong with settings, files and application; serve nothing.',
}

export const noApp: Action = {
  name: 'no-app',
  section: 'Information',
  doc: 'With --check: do not load the application, which is quicker.',
}

export const printConfig: Action = {
  name: 'print-config',
  section: 'Information',
  doc: 'Print every setting and where it came from, as a jumak.toml.',
}

export const printSchema: Action = {
  name: 'print-schema',
  section: 'Information',
  doc: 'Print the JSON Schema of jumak.toml, for editors.',
}
