/**
 * The program's log. The master writes it; the gateway's lines come over its control channel, the workers' over their
 * output pipes.
 *
 *     text   2026-11-21 10:20:30.123 info  master     message
 *            2026-11-21 10:20:30.123 info  worker 1   [k3f9x2ab-1z] message of the application in that request
 *     on a terminal, where a line is as short as can be:
 *            10:20:30 info  message of Jumak's own
 *            10:20:30 info  worker 1  message of the application
 *     json   {"time":"2026-11-21T09:20:30.123Z","level":"info","source":"worker","worker":1,"request":"k3f9x2ab-1z","message":"…"}
 *
 * Invariants: nothing in a message orders a terminal about, but colours, for what strangers send stands in what applications
 * print; a message of several lines (a traceback) stays together: in a file each line carries the prefix, so that grep finds
 * all of it, in JSON it is one object. Colours only where asked for.
 */
import { styleText } from 'node:util'
import type { LogLevel } from '../config/types.ts'
import type { Sink } from './sink.ts'

/** What a line is about, where that is known; in JSON also facts, under names of their own. */
export interface LogFields {
  /** Number of the worker. */
  readonly worker?: number
  /** Id of the request. */
  readonly request?: string
  readonly [name: string]: unknown
}

/** Something that is told in a line of its own below a headline. */
export interface Fact {
  /** Empty: goes on about the one before it. */
  readonly label: string
  readonly text: string
}

/** The same thing for both formats: `headline` and `facts` as words, `message` and `fields` as JSON. */
export interface Told {
  readonly headline: string
  readonly message: string
  readonly facts: readonly Fact[]
  readonly fields: LogFields
}

type LogFormat = (time: Date, level: LogLevel, source: string, message: string, fields: LogFields) => string

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }
const STYLE = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const
/** `preload` and its like are aligned up to this; a worker's name with three digits is as long. */
const SOURCE_WIDTH = 10
const LABEL_WIDTH = 12

/** Of text; a file has neither. */
export interface Look {
  readonly colour?: boolean
  readonly terminal?: boolean
}

export class Log {
  readonly #sink: Pick<Sink, 'write'>
  readonly #threshold: number
  readonly #isJson: boolean
  readonly #style: Style
  readonly #format: LogFormat

  constructor(sink: Pick<Sink, 'write'>, level: LogLevel, format: 'text' | 'json', look: Look = {}) {
    this.#sink = sink
    this.#threshold = ORDER[level]
    this.#isJson = format === 'json'
    this.#style =
      look.colour && !this.#isJson
        ? (style, text) => styleText(style, text, { validateStream: false })
        : (_, text) => text
    this.#format = this.#isJson ? formatJson : textFormat(this.#style, look.terminal ? TERMINAL : FILE)
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

  /** `source`: master, gateway, preloader; worker, whose number is in `fields`. */
  write(level: LogLevel, source: string, message: string, fields: LogFields = {}): void {
    if (ORDER[level] < this.#threshold) return
    this.#sink.write(this.#format(new Date(), level, source, message, fields))
  }

  /** For a part of a message; as it is where there are no colours. */
  paint(colour: Colour, text: string): string {
    return this.#style(colour, text)
  }

  /** For people a headline (or none) with aligned lines below it, for machines one record with fields. */
  facts(source: string, told: Told): void {
    const { headline, message, facts, fields } = told
    if (this.#isJson) {
      this.info(source, message, fields)
      return
    }
    const lines = facts.map(({ label, text }) => `  ${this.#style('dim', label.padEnd(LABEL_WIDTH))} ${text}`)
    this.info(source, (headline === '' ? lines : [headline, ...lines]).join('\n'))
  }
}

export type Colour = 'dim' | 'green' | 'cyan' | 'yellow' | 'red'
type Style = (style: Colour, text: string) => string

interface Columns {
  readonly time: (now: Date) => string
  /** With what stands behind it. */
  readonly source: (name: string) => string
  /** Before the second line of a message and those after it. */
  readonly next: (prefix: string) => string
}

const FILE: Columns = {
  time: formatTime,
  source: name => `${name.padEnd(SOURCE_WIDTH - 1)} `,
  next: prefix => prefix,
}
/** The date is known to whoever sits there, which process of Jumak's speaks matters to nobody, and nobody greps. */
const TERMINAL: Columns = {
  time: now => formatTime(now).slice(11, 19),
  source: name => (name === 'master' || name === 'gateway' ? '' : `${name}  `),
  next: () => ' '.repeat('10:20:30 error '.length),
}

function textFormat(style: Style, columns: Columns): LogFormat {
  return (time, level, source, message, { worker, request }) => {
    const name = source === 'worker' && worker !== undefined ? `worker ${worker}` : source
    const tag = request ? `${style('dim', `[${request}]`)} ` : ''
    const prefix = `${style('dim', columns.time(time))} ${style(STYLE[level], level.padEnd(5))} ${columns.source(name)}${tag}`
    return `${prefix}${harmless(message).replaceAll('\n', `\n${columns.next(prefix)}`)}\n`
  }
}

function formatJson(time: Date, level: LogLevel, source: string, message: string, fields: LogFields): string {
  const { request, ...rest } = fields
  const about = request ? { ...rest, request } : rest
  const json = JSON.stringify({ time: time.toISOString(), level, source, ...about, message })
  // JSON lets them through, and a terminal may obey them.
  return `${json.replace(/[\x7f-\x9f]/g, character => `\\u00${hex(character)}`)}\n`
}

/** A colour, or a control character that is neither tab nor line break. */
const COLOUR_OR_CONTROL = /\x1b\[[\d;:]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g
/** What ends one. */
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

/** Local time, as people read logs beside their clock; milliseconds tell the order. */
function formatTime(now: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`
  return `${day} ${time}.${String(now.getMilliseconds()).padStart(3, '0')}`
}
