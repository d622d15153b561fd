/**
 * The program's log: `2026-11-21 10:20:30.123 info  master     message`. The master writes it; the gateway's lines
 * come over its control channel, the workers' over their output pipes. Colours only on a terminal.
 */
import { styleText } from 'node:util'
import type { LogLevel } from '../config/types.ts'
import type { Sink } from './sink.ts'

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 }
const STYLE = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const

export class Log {
  readonly #sink: Sink
  readonly #threshold: number
  readonly #colour: boolean

  constructor(sink: Sink, level: LogLevel, colour: boolean) {
    this.#sink = sink
    this.#threshold = ORDER[level]
    this.#colour = colour
  }

  debug(source: string, message: string): void {
    this.write('debug', source, message)
  }
  info(source: string, message: string): void {
    this.write('info', source, message)
  }
  warn(source: string, message: string): void {
    this.write('warn', source, message)
  }
  error(source: string, message: string): void {
    this.write('error', source, message)
  }

  /** A message of several lines (a traceback) stays together; each line carries the prefix, so that grep finds all of it. */
  write(level: LogLevel, source: string, message: string): void {
    if (ORDER[level] < this.#threshold) return
    const time = formatTime(new Date())
    const name = this.#colour ? styleText(STYLE[level], level.padEnd(5), { validateStream: false }) : level.padEnd(5)
    const prefix = `${this.#colour ? styleText('dim', time, { validateStream: false }) : time} ${name} ${source.padEnd(9)} `
    this.#sink.write(`${prefix}${message.replaceAll('\n', `\n${prefix}`)}\n`)
  }
}

/** Local time, as people read logs beside their clock; milliseconds tell the order. */
function formatTime(now: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`
  return `${day} ${time}.${String(now.getMilliseconds()).padStart(3, '0')}`
}
