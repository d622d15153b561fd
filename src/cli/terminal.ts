/** What the command line knows of the terminal: its width, whether it shows colours, and how to write to it. */
import { styleText } from 'node:util'
import type { Style } from '../base/layout.ts'

export type Paint = (colour: 'dim' | 'green' | 'cyan' | 'yellow' | 'red', text: string) => string

export interface Terminal {
  /** Columns that text may take. */
  readonly width: number
  readonly title: Style
  readonly flag: Style
  readonly paint: Paint
}

/** Longer lines are hard to read. */
const MAX_WIDTH = 120
/** A pipe has none. */
const UNKNOWN_WIDTH = 100
/** In a narrower table each line would be one word. */
const MIN_WIDTH = 60

/** The part of a stream that is needed; `process.stdout` has it. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** Colours only on a terminal that can show them, and not if NO_COLOR is set to anything (no-color.org). */
export function describeTerminal(output: Output, variables: Readonly<Record<string, string | undefined>>): Terminal {
  const coloured = output.isTTY === true && !variables['NO_COLOR'] && variables['TERM'] !== 'dumb'
  const style = (format: 'bold' | 'cyan'): Style =>
    coloured ? text => styleText(format, text, { validateStream: false }) : text => text
  const width = Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, output.columns ?? UNKNOWN_WIDTH))
  const paint: Paint = (colour, text) => (coloured ? styleText(colour, text, { validateStream: false }) : text)
  return { width, title: style('bold'), flag: style('cyan'), paint }
}

/** It is no error when the reader has gone, as in `jumak --help | head -1`. */
export function writeTo(stream: NodeJS.WriteStream, text: string): void {
  if (stream.listenerCount('error') === 0) stream.on('error', () => {})
  stream.write(text)
}
