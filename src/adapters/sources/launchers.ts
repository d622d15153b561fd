/**
 * From a whole command line to the program that serves: what stands in front of it (`exec`, `env X=1`, `poetry run`, `python -m`) is taken off, and
 * told where it matters. Runs in the command line (`jumak adapt`). Pure, but for what `Replacing` notes.
 */
import { basename, dirname, isAbsolute, join } from 'node:path'
import type { FoundCommand } from './found.ts'
import { readShellLine } from './shell-line.ts'
import type { Replacing } from './variables.ts'

export interface ServerCommand {
  /** One of `programs`. */
  readonly program: string
  /** Behind its name. */
  readonly words: readonly string[]
  /** Of assignments in front of it: they go with the command line. */
  readonly variables: Readonly<Record<string, string>>
  /** `cd` in front of it; null: there is none. May be relative. */
  readonly directory: string | null
  /** The Python whose program it is; null: the one that is found. */
  readonly python: string | null
  readonly user: string | null
  readonly notes: readonly string[]
}

type Result = ServerCommand | { readonly problem: string }

/** Commands that run another one in an environment of Python, by the words before it. */
const RUNNERS: readonly (readonly string[])[] = [
  ['poetry', 'run'],
  ['pipenv', 'run'],
  ['pdm', 'run'],
  ['hatch', 'run'],
  ['rye', 'run'],
  ['uv', 'run'],
]
/** Options of them that have a value. */
const RUNNER_VALUES: readonly string[] = [
  ...['--with', '--with-requirements', '--python', '-p', '--env-file', '--directory', '--project', '-C'],
  ...['--extra', '--group', '--only-group', '--package', '--no-group', '--index'],
]
/** What does nothing for a server. */
const PLAIN: readonly string[] = ['exec', 'nohup', 'command', 'time']
/** They stand in front of `jumak` as well: they change Python by variables. */
const STAYING: readonly (readonly string[])[] = [
  ['newrelic-admin', 'run-program'],
  ['ddtrace-run'],
  ['opentelemetry-instrument'],
]
const INITS: readonly string[] = ['tini', 'dumb-init', 'catatonit']
const SHELLS: readonly string[] = ['sh', 'bash', 'dash', 'ash']
/** Python's in them is the one of the system. */
const SYSTEM: readonly string[] = ['/usr/bin', '/usr/local/bin', '/bin']
/** A shell may start a shell; nobody goes further. */
const MAX_SHELLS = 4
/** Of another command: the rest may have secrets. */
const SHOWN_WORDS = 3

export function findServer({ command }: FoundCommand, programs: readonly string[], replacing: Replacing): Result {
  if ('text' in command) return ofText(command.text, programs, replacing, 0)
  return ofWords(command.words, programs, replacing, 0)
}

/** The last command that serves; what comes before it is told. */
function ofText(text: string, programs: readonly string[], replacing: Replacing, depth: number): Result {
  const line = readShellLine(text, replacing)
  if ('problem' in line)
    return { problem: `${line.problem}: give the command as words instead, as in jumak adapt gunicorn shop.wsgi` }
  let directory: string | null = null
  const variables: Record<string, string> = {}
  const others: string[] = []
  let found: ServerCommand | null = null
  let problem: string | null = null
  for (const words of line.commands) {
    const assigned = words[0] === 'export' ? words.slice(1) : words
    if (words[0] === 'cd' && words.length === 2)
      directory = isAbsolute(words[1]!) ? words[1]! : join(directory ?? '', words[1]!)
    else if (assigned.every(word => ASSIGNMENT.test(word))) for (const word of assigned) assign(word, variables)
    else if (words[0] !== 'set') {
      const result = ofWords(words, programs, replacing, depth)
      if ('program' in result && found === null) found = { ...result, directory: result.directory ?? directory }
      else {
        if ('problem' in result) problem ??= result.problem
        others.push(words.slice(0, SHOWN_WORDS).join(' '))
      }
    }
  }
  if (found === null) return { problem: problem ?? 'has no command' }
  const notes = [...found.notes, ...others.map(other => `'${other}' stays where it is, beside jumak`)]
  if (line.redirections.length > 0)
    notes.push(`what it writes went to ${line.redirections.join(', ')}: that stays where it is, behind jumak`)
  if (line.takesMore) notes.push('"$@" or $* stands in it: words that are given there are not in this file')
  return { ...found, variables: { ...variables, ...found.variables }, notes }
}

const ASSIGNMENT = /^[A-Za-z_]\w*=/

function assign(word: string, variables: Record<string, string>): void {
  const equals = word.indexOf('=')
  variables[word.slice(0, equals)] = word.slice(equals + 1)
}

function ofWords(all: readonly string[], programs: readonly string[], replacing: Replacing, depth: number): Result {
  const words = [...all]
  const variables: Record<string, string> = {}
  const notes: string[] = []
  let user: string | null = null
  const begins = (names: readonly string[]) =>
    names.every((name, i) => (i === 0 ? nameOf(words[0]) : words[i]) === name)
  while (words.length > 0) {
    const first = words[0]!
    const name = nameOf(first)
    const runner = RUNNERS.find(begins)
    const staying = STAYING.find(begins)
    if (programs.includes(name)) {
      const python = first.includes('/') && !SYSTEM.includes(dirname(first)) ? dirname(dirname(first)) : null
      return { program: name, words: words.slice(1), variables, directory: null, python, user, notes }
    }
    if (ASSIGNMENT.test(first)) assign(words.shift()!, variables)
    else if (PLAIN.includes(name)) words.shift()
    else if (name === 'env') {
      words.shift()
      while (words[0] === '-i' || words[0] === '-' || words[0] === '--') words.shift()
      if (words[0]?.startsWith('-')) return { problem: `has env ${words[0]}, which is not understood: leave it out` }
    } else if (runner !== undefined) {
      words.splice(0, runner.length)
      while (words[0]?.startsWith('-')) words.splice(0, RUNNER_VALUES.includes(words[0]) ? 2 : 1)
      notes.push(
        `${runner.join(' ')} is not needed where jumak finds the virtual environment (--python); else it stays in front of jumak`,
      )
    } else if (staying !== undefined) {
      words.splice(0, staying.length)
      notes.push(`${staying.join(' ')} stays in front, as in ${staying.join(' ')} jumak`)
    } else if (INITS.includes(name)) {
      words.shift()
      while (words[0]?.startsWith('-')) words.shift()
      notes.push(`${name} is not needed: Jumak may be the first process of a container`)
    } else if (name === 'gosu' || name === 'su-exec') {
      user = words[1] ?? null
      words.splice(0, 2)
      notes.push(`${name} is not needed: Jumak becomes that user itself (user)`)
    } else if (SHELLS.includes(name)) {
      const at = words.findIndex(word => /^-[a-z]*c$/.test(word))
      const text = at < 0 ? undefined : words[at + 1]
      if (text === undefined)
        return { problem: `runs ${words.slice(0, 2).join(' ')}, and scripts are not read: give their command as words` }
      if (depth === MAX_SHELLS) return { problem: 'has shells in shells' }
      const inner = ofText(text, programs, replacing, depth + 1)
      if ('problem' in inner) return inner
      return {
        ...inner,
        variables: { ...variables, ...inner.variables },
        user: inner.user ?? user,
        notes: [...notes, ...inner.notes],
      }
    } else if (/^python[\d.]*$/.test(name)) {
      const module = moduleOf(words)
      if (module === null || !programs.includes(module.name)) return { problem: noServer(words, programs) }
      const python = first.includes('/') && !SYSTEM.includes(dirname(first)) ? first : null
      return { program: module.name, words: module.rest, variables, directory: null, python, user, notes }
    } else if (/\.sh$|entrypoint/.test(name) && words.slice(1).some(word => programs.includes(nameOf(word)))) {
      notes.push(`${first} is not read; it stays in front, as in ${first} jumak`)
      words.shift()
    } else return { problem: noServer(words, programs) }
  }
  return { problem: 'has no command' }
}

function nameOf(word = ''): string {
  return basename(word)
}

/** `python -u -m uvicorn …` */
function moduleOf(words: readonly string[]): { readonly name: string; readonly rest: readonly string[] } | null {
  const at = words.indexOf('-m')
  const isFirst = words
    .slice(1, at)
    .every((word, i, all) => word.startsWith('-') || all[i - 1] === '-X' || all[i - 1] === '-W')
  const name = words[at + 1]
  return at < 0 || !isFirst || name === undefined ? null : { name, rest: words.slice(at + 2) }
}

function noServer(words: readonly string[], programs: readonly string[]): string {
  return `starts ${nameOf(words[0])}, and only the command lines of ${programs.join(', ')} are understood`
}
