/**
 * The program's log. Runs in the master, which writes it. Lines of the gateway come over its control channel, lines of the workers over
 * their output pipes.
 *
 *     text   2026-11-21 10:20:30.123 info  master     message
 *            2026-11-21 10:20:30.123 info  worker 1   [k3f9x2ab-1z] message of the application in that request
 *     with several applications
 *            2026-11-21 10:20:30.123 info  master          message about the program
 *            2026-11-21 10:20:30.123 info  shop            message about the application
 *            2026-11-21 10:20:30.123 info  shop worker 1   message of the application
 *     on a terminal, where lines are short:
 *            10:20:30 info  message of Jumak's own
 *            10:20:30 info  worker 1  message of the application
 *            10:20:30 info  shop  message about one of several applications
 *     json   {"time":"2026-11-21T09:20:30.123Z","level":"info","source":"worker","worker":1,"request":"k3f9x2ab-1z","message":"…"}
 *
 * Invariants: of a message a terminal obeys nothing but colours, for an application may print text of strangers. A message of several
 * lines (a traceback) stays together: in a file each line has the prefix, so that grep finds all of it; in JSON it is one object. There are
 * colours only where the operator wants them.
 * Not here: writing (`sink.ts`), and which events have a line (`master/output/narrator.ts`).
 */
import { styleText } from 'node:util'
import type { LogLevel } from '../config/types.ts'
import type { Sink } from './sink.ts'

/** What a line is about, if that is known. In JSON it also has facts, each under its name. */
export interface LogFields {
  /** Name of the application, where there are several. */
  readonly app?: string
  /** Number of the worker. */
  readonly worker?: number
  /** Id of the request. */
  readonly request?: string
  readonly [name: string]: unknown
}

/** One line below a headline. */
export interface Fact {
  /** Empty: the line continues the fact before it. */
  readonly label: string
  readonly text: string
}

/** One event for both formats: `headline` and `facts` are the words for people, `message` and `fields` are for JSON. */
export interface Told {
  readonly headline: string
  readonly message: string
  readonly facts: readonly Fact[]
  readonly fields: LogFields
}

type LogFormat = (time: Date, level: LogLevel, source: string, message: string, fields: LogFields) => string

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }
const STYLE = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const
/** Names of sources are padded to this: as long as `worker 999`. */
const SOURCE_WIDTH = 10
const LABEL_WIDTH = 12

/** The look of text. A file has neither. */
export interface Look {
  readonly colour?: boolean
  readonly terminal?: boolean
}

/** A line that was written. */
export interface Logged {
  readonly level: LogLevel
  readonly source: string
  readonly message: string
  readonly fields: LogFields
  readonly grave: Grave | null
  /** As it stands in the log, with its line's end. */
  readonly text: string
}

/** What an error is, where servers in Python tell it apart: a worker that is ended, an exception in a request. */
export type Grave = 'critical' | 'exception'

export class Log {
  readonly #sink: Pick<Sink, 'write'>
  #level: LogLevel
  readonly #isJson: boolean
  readonly #style: Style
  readonly #format: LogFormat
  /** Characters of the longest name of an application; 0: lines name none. */
  readonly #names = { longest: 0 }
  readonly #listeners: ((line: Logged) => void)[] = []

  constructor(sink: Pick<Sink, 'write'>, level: LogLevel, format: 'text' | 'json', look: Look = {}) {
    this.#sink = sink
    this.#level = level
    this.#isJson = format === 'json'
    this.#style =
      look.colour && !this.#isJson
        ? (style, text) => styleText(style, text, { validateStream: false })
        : (_, text) => text
    this.#format = this.#isJson ? formatJson : textFormat(this.#style, look.terminal ? TERMINAL : FILE, this.#names)
  }

  /** From now on messages begin in the same column, whichever of these applications a line names. Empty: there is only one. */
  align(apps: readonly string[]): void {
    this.#names.longest = Math.max(0, ...apps.map(name => name.length))
  }

  /** From now on, lines of this level and above. */
  setLevel(level: LogLevel): void {
    this.#level = level
  }

  get level(): LogLevel {
    return this.#level
  }

  debug(source: string, message: string, fields?: LogFields): void {
    this.write('debug', source, message, fields)
  }
  info(source: string, message: string, fields?: LogFields): void {
    this.write('info', source, message, fields)
  }
  warn(source: string, message: string, fields?: LogFields): void {
    this.write('warn', source, message, fields)
  }
  error(source: string, message: string, fields?: LogFields): void {
    this.write('error', source, message, fields)
  }

  /** From now on it is called for each line. Returns what ends that. */
  listen(listener: (line: Logged) => void): () => void {
    this.#listeners.push(listener)
    return () => {
      this.#listeners.splice(this.#listeners.indexOf(listener), 1)
    }
  }

  /** `source`: master, gateway, preloader or worker. The number of the worker is in `fields`. */
  write(level: LogLevel, source: string, message: string, fields: LogFields = {}, grave: Grave | null = null): void {
    if (ORDER[level] < ORDER[this.#level]) return
    const text = this.#format(new Date(), level, source, message, fields)
    this.#sink.write(text)
    for (const listener of this.#listeners) listener({ level, source, message, fields, grave, text })
  }

  /** Colours a part of a message, where there are colours. */
  paint(colour: Colour, text: string): string {
    return this.#style(colour, text)
  }

  /** In text a headline (or none) with aligned lines below it; in JSON one record with fields. */
  facts(source: string, told: Told): void {
    const { headline, message, facts, fields } = told
    if (this.#isJson) {
      this.info(source, message, fields)
      return
    }
    const width = Math.max(LABEL_WIDTH, ...facts.map(({ label }) => label.length))
    const lines = facts.map(({ label, text }) => `  ${this.#style('dim', label.padEnd(width))} ${text}`)
    // On a terminal only the first line of a message has a name, and these would not stand below each other.
    if (fields.app !== undefined && headline === '') for (const line of lines) this.info(source, line, fields)
    else this.info(source, (headline === '' ? lines : [headline, ...lines]).join('\n'), fields)
  }
}

export type Colour = 'dim' | 'green' | 'cyan' | 'yellow' | 'red'
type Style = (style: Colour, text: string) => string

interface Columns {
  readonly time: (now: Date) => string
  /** With the space behind it. `longest`: of the names of applications. */
  readonly source: (name: string, longest: number) => string
  /** Stands before the second line of a message and the lines after it. */
  readonly next: (prefix: string) => string
}

const FILE: Columns = {
  time: formatTime,
  source: (name, longest) => `${name.padEnd(SOURCE_WIDTH - 1 + (longest === 0 ? 0 : longest + 1))} `,
  next: prefix => prefix,
}
/** The reader knows the date, does not care which process of Jumak's speaks, and does not grep. */
const TERMINAL: Columns = {
  time: now => formatTime(now).slice(11, 19),
  source: (name, longest) => (name === 'master' || name === 'gateway' ? '' : `${name.padEnd(longest)}  `),
  next: () => ' '.repeat('10:20:30 error '.length),
}

function textFormat(style: Style, columns: Columns, names: { readonly longest: number }): LogFormat {
  return (time, level, source, message, { app, worker, request }) => {
    const process = source === 'worker' && worker !== undefined ? `worker ${worker}` : source
    const name = app === undefined ? process : source === 'master' ? app : `${app} ${process}`
    const tag = request ? `${style('dim', `[${request}]`)} ` : ''
    const prefix = `${style('dim', columns.time(time))} ${style(STYLE[level], level.padEnd(5))} ${columns.source(name, names.longest)}${tag}`
    return `${prefix}${harmless(message).replaceAll('\n', `\n${columns.next(prefix)}`)}\n`
  }
}

function formatJson(time: Date, level: LogLevel, source: string, message: string, fields: LogFields): string {
  const { request, ...rest } = fields
  const about = request ? { ...rest, request } : rest
  const json = JSON.stringify({ time: time.toISOString(), level, source, ...about, message })
  // JSON allows these characters, and a terminal may obey them.
  return `${json.replace(/[\x7f-\x9f]/g, character => `\\u00${hex(character)}`)}\n`
}

/** A colour, or a control character that is neither tab nor line break. */
const COLOUR_OR_CONTROL = /\x1b\[[\d;:]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g
/** Codes that end a colour. */
const ENDS_OF_COLOURS = new Set(['', '0', '22', '39', '49'])

function harmless(message: string): string {
  const text = message.replace(COLOUR_OR_CONTROL, found => (found.length > 1 ? found : `\\x${hex(found)}`))
  const last = text.lastIndexOf('\x1b[')
  if (last < 0 || ENDS_OF_COLOURS.has(text.slice(last + 2, text.indexOf('m', last)))) return text
  return `${text}\x1b[0m`
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, '0')
}

/** Local time, because people compare logs with their clock. Milliseconds show the order. */
function formatTime(now: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`
  return `${day} ${time}.${String(now.getMilliseconds()).padStart(3, '0')}`
}
