/** `--help` of another program, from its table. Pure. */
import { twoColumns, wrap } from '../base/layout.ts'
import type { AnyOption, Section } from './option.ts'

const WIDTH = 100
const COLUMN = 38

/** `usage`: behind the program's name. `says`: sentences below it. */
export function formatHelp(usage: string, says: string, sections: readonly Section[]): string {
  const lines = [`Usage: ${usage}`, '', ...wrap(says, WIDTH)]
  for (const { title, options } of sections) {
    const rows = options.filter(({ flags }) => flags.length > 0)
    if (rows.length > 0) lines.push('', title)
    for (const option of rows)
      lines.push(...twoColumns(`  ${flagsOf(option)}`, describe(option), { width: WIDTH, column: COLUMN }))
  }
  return `${lines.join('\n')}\n`
}

function flagsOf({ name, flags, shape }: AnyOption): string {
  const value =
    shape.takes === 'nothing' ? '' : shape.takes === 'maybe' ? ` [${name.toUpperCase()}]` : ` ${name.toUpperCase()}`
  return `${flags.join(', ')}${value}`
}

function describe({ answer, standard, doc }: AnyOption): string {
  const note = answer.is === 'works' ? '' : answer.is === 'idle' ? ' (not needed here)' : ' (not supported)'
  const shown = ['', 'False', '[]', null].includes(standard) ? '' : ` [${standard}]`
  return `${doc}${shown}${note}`
}
