/**
 * From the command of another program to a short `jumak.toml` that means the same, and to sentences about what differs. Runs in the command line
 * (`jumak adapt`). Starts a process only for a configuration file in Python, to evaluate it.
 *
 * Invariants: the adapter reads the words as at a start, leniently, so what it refuses is a sentence. What the environment gives is a comment:
 * it counts for jumak as well.
 * Not here: where the command was found (`adapt.ts`, `adapters/sources/`).
 */
import { dirname, isAbsolute, resolve } from 'node:path'
import type { Adapted } from '../adapters/adapted.ts'
import { isOwnLogger } from '../adapters/gunicorn/logger-class.ts'
import type { FoundCommand } from '../adapters/sources/found.ts'
import { findServer, type ServerCommand } from '../adapters/sources/launchers.ts'
import { Replacing } from '../adapters/sources/variables.ts'
import { loadConfig } from '../config/load.ts'
import { logicalWorkingDirectory } from '../config/machine/directory.ts'
import type { Environment } from '../config/machine/environment.ts'
import { hiddenOfApp, hiddenVariables, printGiven } from '../config/print.ts'
import { SETTINGS } from '../config/settings/index.ts'
import type { Setting } from '../config/settings/setting.ts'
import type { Arguments } from '../config/sources/arguments.ts'
import type { Given } from '../config/sources/given.ts'
import { merge, type Settings, Values } from '../config/values.ts'
import { ADAPTERS, evaluate } from './adapted.ts'
import { PROGRAM_NAMES, type ProgramName } from './programs.ts'
import { writeTo } from './terminal.ts'

export type Adaptation =
  | {
      /** A `jumak.toml`. */
      readonly text: string
      /** Sentences: what differs, and why. */
      readonly notes: readonly string[]
    }
  /** Sentences. */
  | { readonly problems: readonly string[] }

export interface Finding {
  readonly found: FoundCommand
  /** What was replaced already, where the file was read. */
  readonly replacing: Replacing | null
  /** Absolute: where the file is, or the working directory. */
  readonly base: string
  /** A command without an application is complete: jumak finds it. */
  readonly mayLackApp: boolean
}

export async function adaptCommand(finding: Finding, surroundings: Environment): Promise<Adaptation> {
  const { found, base } = finding
  const outside = withoutSockets(surroundings)
  const replacing = new Replacing({ ...outside.variables, ...found.variables })
  const server = findServer(found, PROGRAM_NAMES, replacing)
  const at = (sentence: string) => (found.place === '' ? sentence : `${found.place}: ${sentence}`)
  if ('problem' in server)
    return { problems: [at(found.place === '' ? `the command ${server.problem}` : server.problem)] }
  const unset = new Set([...(finding.replacing?.unset ?? []), ...replacing.unset])
  if (unset.size > 0) return { problems: [...unset].map(name => at(notSet(name))) }

  const place = new Place(found, server, base)
  const environment: Environment = {
    ...outside,
    cwd: place.here,
    pwd: undefined,
    logical: place.here,
    variables: { ...outside.variables, ...found.variables, ...server.variables },
  }
  const program = server.program as ProgramName
  const extra = extraValues(found, server)
  const adapted = await adapt(
    program,
    lenient(
      program,
      server.words.map(word => place.toHere(word)),
    ),
    environment,
    extra,
  )
  if ('problem' in adapted) return { problems: [at(adapted.problem)] }
  if (adapted.answer !== null) return { text: adapted.answer, notes: [] }
  const args = withVariables(adapted.args, server)
  const problems = args.diagnostics.filter(({ subject }) => !finding.mayLackApp || subject !== 'APP')
  if (problems.length > 0) return { problems: problems.map(({ message }) => at(message)) }

  const loaded = loadConfig({ ...args, diagnostics: [] }, environment)
  const flat = new Map([...loaded.settings.program].map(([name, givens]) => [name, givens.map(one => place.back(one))]))
  const given = new Map<string, readonly Given[]>([...extra, ...place.directorySetting(), ...flat])
  const standards = args.adapted!.defaults
  const isStandard = (name: string) => standards.has(name) && loaded.settings.program.get(name) === standards.get(name)
  const isSurrounding = (name: string) =>
    given.get(name)!.every(({ origin }) => origin.from === 'variable' && server.variables[origin.name] === undefined)
  const own = select(given, name => !isStandard(name) && !isSurrounding(name))
  const ofProgram = select(given, name => isStandard(name) && differs(name, given, environment))
  const ofEnvironment = select(given, isSurrounding)

  const lines = [
    `# The settings of ${found.place === '' ? `a command line of ${program}` : `${program} in ${found.place}`}, made by jumak adapt.`,
    ...printGiven(own, environment),
  ]
  if (ofProgram.size > 0)
    lines.push('', `# Defaults of ${program}, where those of Jumak are others.`, ...printGiven(ofProgram, environment))
  if (ofEnvironment.size > 0)
    lines.push(
      '',
      '# From the environment, where jumak reads them as well.',
      ...printGiven(ofEnvironment, environment).map(line => line.replace(/^(?!#)/, '# ')),
    )
  const told =
    'config' in loaded
      ? loaded.warnings
      : [
          ...(args.adapted?.notes ?? []),
          ...loaded.diagnostics.map(one => `on this machine it would not start: ${one.message}`),
        ]
  const notes = [
    ...found.notes,
    ...server.notes,
    ...variablesThatStay(found),
    ...(finding.replacing?.became ?? []).map(withPlatform),
    ...replacing.became.map(withPlatform),
    ...told,
    ...hooksOf(args),
    ...hiddenVariables(own).map(
      name =>
        `env.${name} looks like a secret, and is printed without its value: set it where jumak starts, or in a file of env-file`,
    ),
    ...hiddenOfApp(own).map(
      name => `${name} of app looks like a secret, and is printed as ***: write it into the file of PasteDeploy`,
    ),
    ...(given.has('app') ? [] : ['no application is named: jumak finds it, or write app = "shop.wsgi"']),
    ...(args.adapted?.remarks ?? []),
  ]
  return { text: `${lines.join('\n')}\n`, notes: [...new Set(notes)] }
}

/** Where the command runs, and where its files are on this machine: those of a container are where its file is. */
class Place {
  /** Absolute: on this machine. */
  readonly here: string
  /** Absolute: there; null: the place does not say so. */
  readonly #there: string | null
  readonly #found: FoundCommand

  constructor(found: FoundCommand, server: ServerCommand, base: string) {
    this.#found = found
    const from = found.directory ?? (found.isContainer ? null : base)
    const moved = server.directory ?? ''
    const isKnown = from !== null || isAbsolute(moved)
    this.#there = isKnown && (found.directory !== null || moved !== '') ? resolve(from ?? '/', moved) : null
    this.here = found.isContainer ? resolve(base) : (this.#there ?? resolve(base))
  }

  /** A word with a path there. */
  toHere(word: string): string {
    if (!this.#found.isContainer || this.#there === null || this.#there === '/') return word
    return replacePath(word, this.#there, this.here)
  }

  /** A value as it is there, with its place. */
  back({ text, origin }: Given): Given {
    const { isContainer, place } = this.#found
    const isOfLine = origin.from === 'other' && place !== '' && /^(?:-|APP$)/.test(origin.name)
    const written = isContainer ? replacePath(text, this.here, this.#there ?? '.') : text
    return { text: written, origin: isOfLine ? { ...origin, name: `${place}: ${origin.name}` } : origin }
  }

  directorySetting(): readonly (readonly [string, readonly Given[]])[] {
    if (this.#there === null) return []
    return [
      ['chdir', [{ text: this.#there, origin: { from: 'other', name: `${this.#found.place || 'cd'}: directory` } }]],
    ]
  }
}

/** Whole parts of paths only: `/app` is not in `/apple`, nor in `/srv/app`. `from` is absolute. */
function replacePath(text: string, from: string, to: string): string {
  const parts = text.split(from)
  return parts.reduce((done, part, i) => {
    const isWhole = !/[\w./-]$/.test(parts[i - 1]!.slice(-1)) && /^(?:$|[/:,'"])/.test(part)
    return `${done}${isWhole ? to : from}${part}`
  })
}

/** Sockets of systemd are for the process that it starts, and not for this one. */
function withoutSockets(environment: Environment): Environment {
  const { LISTEN_PID: _, LISTEN_FDS: __, LISTEN_FDNAMES: ___, ...variables } = environment.variables
  return { ...environment, variables }
}

function notSet(name: string): string {
  return `$${name} has no value here: give it one, as in ${name}=${name === 'PORT' ? 8000 : '…'} jumak adapt …`
}

/** For `--lenient` the words of fastapi begin with its command. */
function lenient(program: ProgramName, words: readonly string[]): string[] {
  const at = program === 'fastapi' && words.length > 0 ? 1 : 0
  return at === 0 && program === 'fastapi' ? [...words] : [...words.slice(0, at), '--lenient', ...words.slice(at)]
}

async function adapt(
  program: ProgramName,
  words: readonly string[],
  environment: Environment,
  extra: Settings,
): Promise<Adapted | { readonly problem: string }> {
  const adapter = ADAPTERS[program]
  const first = adapter.adapt(words, environment, null)
  if (first.answer !== null || first.file === null) return first
  const { PreparedPreloaders } = await import('../master/fleet/prepared.ts')
  const prepared = new PreparedPreloaders(line => writeTo(process.stderr, `${line}\n`))
  const args = { ...first.args, values: new Map([...extra, ...first.args.values]) }
  const evaluated = await evaluate(prepared, args, first.file, environment, environment.variables)
  prepared.drop()
  return 'problem' in evaluated ? evaluated : adapter.adapt(words, environment, evaluated)
}

/** What the place says, and the other program has no option for. */
function extraValues(found: FoundCommand, server: ServerCommand): Map<string, readonly Given[]> {
  const name = found.place === '' ? 'the command' : found.place
  const user = server.user ?? found.user
  const pairs: readonly (readonly [setting: string, text: string | null])[] = [
    ['user', user?.split(':')[0] ?? null],
    ['group', user?.split(':')[1] ?? found.group],
    ['python', found.isContainer ? null : server.python],
  ]
  return new Map(
    pairs.flatMap(([setting, text]) =>
      text === null ? [] : [[setting, [{ text, origin: { from: 'other', name } }]] as const],
    ),
  )
}

/** Assignments in front of the command go with it; ours are settings already. */
function withVariables(args: Arguments, { variables }: ServerCommand): Arguments {
  const assigned = Object.entries(variables).filter(([name]) => !name.startsWith('JUMAK_'))
  if (assigned.length === 0) return args
  const givens = assigned.map(([name, value]): Given => ({ text: `${name}=${value}`, origin: { from: 'other', name } }))
  return { ...args, values: new Map(merge([args.values, new Map([['env', givens]])])) }
}

function select(settings: Settings, isWanted: (name: string) => boolean): Settings {
  return new Map([...settings].filter(([name]) => isWanted(name)))
}

/** A default of the other program that is Jumak's too says nothing. */
function differs(name: string, settings: Settings, environment: Environment): boolean {
  const setting = SETTINGS.find(one => one.name === name)!
  return valuesOf(setting, settings, environment) !== valuesOf(setting, new Map(), environment)
}

function valuesOf(setting: Setting, settings: Settings, environment: Environment): string {
  return JSON.stringify(new Values(settings, environment).all(setting), (_, value) =>
    value === Infinity ? 'Infinity' : value,
  )
}

/** Names only: values may be secrets. */
function variablesThatStay({ place, variables }: FoundCommand): string[] {
  const names = Object.keys(variables)
  return names.length === 0 ? [] : [`these variables stay in ${place.replace(/:\d+$/, '')}: ${names.join(', ')}`]
}

function withPlatform(became: string): string {
  if (became.startsWith('$PORT '))
    return `${became}; where the platform sets PORT, delete the line bind: jumak reads PORT by itself`
  return became.startsWith('$WEB_CONCURRENCY ')
    ? `${became}; without the line workers jumak reads it by itself`
    : became
}

/** No file of ours can have them. */
function hooksOf({ adapted }: Arguments): string[] {
  const { hooks = [], display, settings } = adapted?.configuration ?? {}
  const notes = isOwnLogger(settings?.['logger_class'])
    ? [
        `${display}: logger_class: no jumak.toml has classes, so no access log is written: write access-log for that of Jumak`,
      ]
    : []
  if (hooks.length === 0) return notes
  return [
    ...notes,
    `${display}: ${hooks.join(', ')}: no jumak.toml has functions; stay with jumak gunicorn for them, or move what they do into the application`,
  ]
}

export function directoryOf(file: string, environment: Environment): string {
  return dirname(resolve(logicalWorkingDirectory(environment), file))
}
