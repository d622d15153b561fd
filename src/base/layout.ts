/** Text in two columns, wrapped to a width. Lengths are those of plain text; styles are added afterwards. */
/** Colours a text, or leaves it. */
export type Style = (text: string) => string

export interface Layout {
  readonly width: number
  /** Column at which the right side begins. */
  readonly column: number
  /** For the left side. */
  readonly style?: Style
}

/** Lines of `left` and `right` side by side; `right` begins on the next line where `left` is too long. */
export function twoColumns(left: string, right: string, { width, column, style = text => text }: Layout): string[] {
  const margin = ' '.repeat(column)
  const lines = wrap(right, width - column).map(line => margin + line)
  // Two spaces at least between the sides.
  if (left.length + 2 > column) return [style(left), ...lines]
  return [style(left) + lines[0]!.slice(left.length), ...lines.slice(1)]
}

/** At least one line. A word that is longer than the width gets a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
