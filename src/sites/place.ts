/** What every part of the model has: where it stands, text with variables, regular expressions. Types only. */

/** Where something stands in a file. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Text with variables, as it is written: `/index.html?q=$uri&$args`, `${name}_x`. */
export type Template = string

/** A regular expression in PCRE's notation. */
export interface PatternText {
  readonly source: string
  readonly ignoresCase: boolean
}
