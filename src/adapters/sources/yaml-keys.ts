/**
 * The few forms of YAML in which a compose file says its command: mappings by indentation, scalars (plain, quoted, blocks), lists (by hyphens and in
 * brackets). Runs in the command line (`jumak adapt`). Pure.
 *
 * Invariant: what is not understood (anchors, tags, mappings in braces) is a problem where it is read, never a wrong value.
 */

export interface Line {
  readonly text: string
  /** From 1. */
  readonly number: number
}

/** A key of a mapping. */
export interface Entry {
  readonly key: string
  readonly line: number
  /** Behind the colon. */
  readonly value: string
  /** The lines below that belong to it. */
  readonly body: readonly Line[]
}

export class YamlProblem extends Error {}

/** Characters with which something else than a plain key begins. */
const INDICATORS = '#[]{},&*!|>%@`'

/** `key: value`. Null: the line is something else. */
function keyAndValue({ text, number }: Line): { readonly key: string; readonly value: string } | null {
  const trimmed = text.trim()
  const quoted = /^["']/.test(trimmed) ? QUOTED.exec(trimmed)?.[0] : undefined
  if (/^(?:["']|-(?:\s|$))/.test(trimmed) && quoted === undefined) return null
  if (INDICATORS.includes(trimmed[0]!)) return null
  const rest = trimmed.slice(quoted?.length ?? 0)
  const colon = rest.search(/:(?:\s|$)/)
  if (colon < 0) return null
  const plain = rest.slice(0, colon).trim()
  const key = quoted === undefined ? plain : unquoted(quoted, number)
  if ((quoted !== undefined && plain !== '') || (quoted === undefined && plain.includes(' #'))) return null
  return { key, value: rest.slice(colon + 1).trim() }
}

export function linesOf(text: string): Line[] {
  const end = text.search(/^\.\.\.|(?<=\n)---/m)
  return (end > 0 ? text.slice(0, end) : text.replace(/^---.*/, ''))
    .split(/\r?\n/)
    .map((line, i) => ({ text: line, number: i + 1 }))
}

/** The keys of the mapping that these lines are. */
export function entriesOf(lines: readonly Line[]): Entry[] {
  const entries: (Entry & { readonly body: Line[] })[] = []
  const indent = indentOf(lines.find(line => !isEmpty(line)))
  for (const line of lines) {
    const found = !isEmpty(line) && indentOf(line) === indent ? keyAndValue(line) : null
    const last = entries.at(-1)
    if (found !== null) entries.push({ ...found, line: line.number, body: [] })
    else if (last !== undefined) last.body.push(line)
    else if (!isEmpty(line)) fail(line.number, 'is no mapping')
  }
  return entries
}

/** Null: there is no value. */
export function scalarOrList(entry: Entry): string | readonly string[] | null {
  const first = entry.value.trimStart()
  if (/^[|>]/.test(first)) return block(entry)
  const written = [{ text: entry.value, number: entry.line }, ...entry.body].filter(line => !isEmpty(line))
  if (written.length === 0) return null
  if (/^\s*-(?:\s|$)/.test(written[0]!.text)) return items(written)
  return flow(
    written.map(({ text }) => text.trim()),
    written[0]!.number,
  )
}

/** A list of `NAME=value`, or a mapping. `null`: a name without a value. */
export function variablesOf(entry: Entry): Map<string, string | null> {
  const isMapping =
    entry.value.trim().replace(/^#.*/, '') === '' &&
    !/^\s*-(?:\s|$)/.test(entry.body.find(line => !isEmpty(line))?.text ?? '-')
  if (isMapping)
    return new Map(
      entriesOf(entry.body)
        .filter(({ key }) => key !== '<<')
        .map(one => [one.key, oneText(one)]),
    )
  const list = scalarOrList(entry) ?? []
  return new Map(
    (typeof list === 'string' ? [list] : list).map(word => {
      const equals = word.indexOf('=')
      return equals < 0 ? [word, null] : [word.slice(0, equals), word.slice(equals + 1)]
    }),
  )
}

function oneText(entry: Entry): string | null {
  const value = scalarOrList(entry)
  if (value !== null && typeof value !== 'string') return fail(entry.line, 'must be one text')
  return value
}

/** `- word` lines. */
function items(lines: readonly Line[]): string[] {
  const groups: Line[][] = []
  const indent = indentOf(lines[0])
  for (const line of lines) {
    if (indentOf(line) === indent && /^\s*-(?:\s|$)/.test(line.text))
      groups.push([{ ...line, text: line.text.replace(/-/, ' ') }])
    else groups.at(-1)!.push(line)
  }
  return groups.map(group => {
    const [first, ...body] = group
    const value = scalarOrList({ key: '-', line: first!.number, value: first!.text.trim(), body })
    return typeof value === 'string' ? value : fail(first!.number, 'must be one text')
  })
}

/** `|` keeps the ends of lines, `>` makes blanks of them. */
function block({ value, body, line }: Entry): string {
  const [, kind] = /^\s*([|>])[+-]?\s*(?:#.*)?$/.exec(value) ?? []
  if (kind === undefined) return fail(line, 'has an indicator of a block that is not understood')
  const indent = indentOf(body.find(({ text }) => text.trim() !== ''))
  const lines = body.map(({ text }) => text.slice(indent))
  return (kind === '|' ? lines.join('\n') : lines.map(text => text.trim()).join(' ')).trim()
}

/** A text or a list in brackets that may go over several lines. */
function flow(lines: readonly string[], number: number): string | readonly string[] {
  const first = lines[0]![0]!
  if (/[&*!{%@`]/.test(first))
    return fail(number, `has '${lines[0]!.slice(0, 20)}', a form of YAML that is not understood`)
  if (first === '"' || first === "'") return quotedText(lines.join(' '), number)
  if (first !== '[') return lines.map(withoutComment).join(' ').trim()
  const text = lines.join('\n')
  const words: string[] = []
  let at = 1
  for (;;) {
    while (/[\s,]/.test(text[at] ?? '')) at++
    // A comment begins behind a blank.
    if (text[at] === '#' && /\s/.test(text[at - 1]!)) {
      while (at < text.length && text[at] !== '\n') at++
      continue
    }
    const rest = text.slice(at)
    if (rest === '') return fail(number, 'has a [ without a ]')
    if (rest[0] === ']') break
    if (/^[&*!{[#]/.test(rest)) return fail(number, `has '${rest.slice(0, 20)}' in a list, which is not understood`)
    const [word] = QUOTED.exec(rest) ?? /^[^,\]\n]+/.exec(rest)!
    words.push(/^["']/.test(word) ? unquoted(word, number) : word.trim())
    at += word.length
  }
  return words
}

function withoutComment(text: string): string {
  const at = text.search(/\s#/)
  return text.startsWith('#') ? '' : at < 0 ? text : text.slice(0, at)
}

const QUOTED = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/

function quotedText(text: string, number: number): string {
  const [quoted] = QUOTED.exec(text) ?? []
  const behind = quoted === undefined ? '' : text.slice(quoted.length).trim()
  if (quoted === undefined || (behind !== '' && !behind.startsWith('#')))
    return fail(number, 'has a text in quotes that is not understood')
  return unquoted(quoted, number)
}

function unquoted(text: string, number = 0): string {
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'")
  if (!text.startsWith('"')) return text
  try {
    return JSON.parse(text) as string
  } catch {
    return fail(number, `has an escape in ${text.slice(0, 40)} that is not understood`)
  }
}

function isEmpty({ text }: Line): boolean {
  return /^\s*(?:#|$)/.test(text)
}

function indentOf(line: Line | undefined): number {
  return line === undefined ? 0 : line.text.length - line.text.trimStart().length
}

function fail(line: number, phrase: string): never {
  throw new YamlProblem(`${line}: ${phrase}`)
}
