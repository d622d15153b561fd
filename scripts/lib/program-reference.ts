/** The page "What Jumak understands of …", from the table of another program. Pure. */
import type { AnyOption, Section } from '../../src/adapters/option.ts'

export interface ProgramTable {
  /** `gunicorn` */
  readonly program: string
  /** Whose list the table has. */
  readonly version: string
  /** Paragraphs of Markdown. */
  readonly introduction: string
  readonly sections: readonly Section[]
}

/** `command`: what makes the page again. */
export function formatProgram({ program, version, introduction, sections }: ProgramTable, command: string): string {
  const options = sections.flatMap(section => section.options)
  const count = (is: AnyOption['answer']['is']) => options.filter(({ answer }) => answer.is === is).length
  const parts = [
    `<!-- Made by \`${command}\` from src/adapters/${program}/. Change the table there. -->
# What Jumak understands of ${program}

${introduction}

The table has the ${options.length} settings of ${program} ${version}: ${count('works')} work, ${count('idle')} cannot matter here, and
${count('refused')} are not supported.

- **works**: it does what it does there. The column says which setting of Jumak it becomes, and what differs.
- **not needed**: it cannot matter here. The log says so once, if it is given with another value than its default.
- **not supported**: the start stops, and the message says what to do instead. With \`--lenient\` it goes on, with a warning.`,
    ...sections.map(formatSection),
  ]
  return `${parts.join('\n\n')}\n`
}

function formatSection({ title, options }: Section): string {
  const rows = options.map(option => row([nameOf(option), defaultOf(option), option.doc, ...answerOf(option)]))
  return [
    `## ${title}`,
    '',
    row(['Setting', 'Default', 'There', '', 'Here']),
    row(['---', '---', '---', '---', '---']),
    ...rows,
  ].join('\n')
}

function nameOf({ name, flags }: AnyOption): string {
  return [name, ...flags].map(text => `\`${text}\``).join(', ')
}

function defaultOf({ standard }: AnyOption): string {
  return standard === null || standard === '' ? '' : `\`${standard}\``
}

function answerOf({ answer }: AnyOption): [kind: string, here: string] {
  if (answer.is === 'works') return ['works', answer.as]
  if (answer.is === 'idle') return ['not needed', sentence(plain(answer.why.replace(/^is not needed: /, '')))]
  return ['**not supported**', `It ${plain(answer.would)}. Instead, ${plain(answer.instead)}.`]
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** Text without Markdown: `*` and `_` are themselves. */
function plain(text: string): string {
  return text.replace(/[*_]/g, '\\$&')
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(text => text.replaceAll('|', '\\|')).join(' | ')} |`
}
