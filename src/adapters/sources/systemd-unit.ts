/**
 * The command of a unit of systemd: ExecStart, with WorkingDirectory, Environment, User and Group. Runs in the command line (`jumak adapt`).
 * Pure, but for what `Replacing` notes.
 *
 * systemd starts no shell: `$NAME` as a word of its own is words, `${NAME}` is a part of one, `$$` is a dollar.
 */

import { shellWords } from '../shell-words.ts'
import { joinedLines } from './continued-lines.ts'
import { type Found, NOTHING_SAID } from './found.ts'
import { Replacing } from './variables.ts'

interface Line {
  readonly section: string
  readonly key: string
  readonly value: string
  readonly line: number
}

/** What stands for something of the unit or the machine: `%i`, `%h`. */
const SPECIFIER = /%[A-Za-z]/

/** `name`: of the file. `variables`: of this process, where the unit has none. */
export function readUnit(
  text: string,
  name: string,
  variables: Readonly<Record<string, string | undefined>>,
): Found & { readonly replacing?: Replacing } {
  const lines = linesOf(text).filter(({ section }) => section === 'Service')
  const last = (key: string) => lines.findLast(line => line.key === key)?.value || null
  const start = lines.findLast(({ key, value }) => key === 'ExecStart' && value !== '')
  if (start === undefined) return { problem: `${name} has no ExecStart in [Service]` }
  const own: Record<string, string> = {}
  for (const { key, value } of lines) {
    if (key !== 'Environment') continue
    const split = shellWords(value)
    if ('problem' in split) return { problem: `${name}: Environment ${split.problem}` }
    if (value === '') for (const known of Object.keys(own)) delete own[known]
    for (const word of split.words)
      if (word.includes('=')) own[word.slice(0, word.indexOf('='))] = word.slice(word.indexOf('=') + 1)
  }
  const split = shellWords(start.value.replace(/^[-@:+!|]+/, ''))
  const place = `${name}:${start.line}`
  if ('problem' in split) return { problem: `${place}: ExecStart ${split.problem}` }
  const replacing = new Replacing({ ...variables, ...own })
  const words = split.words.flatMap(word => replaced(word, replacing))
  const directory = last('WorkingDirectory')?.replace(/^-/, '') ?? null
  const odd = [...words, directory ?? ''].find(word => SPECIFIER.test(word.replaceAll('%%', '')))
  const notes: string[] = []
  if (odd !== undefined)
    notes.push(`'${odd}' has a specifier of systemd, which is not replaced: write what it stands for`)
  const files = lines.filter(({ key }) => key === 'EnvironmentFile').map(({ value }) => value)
  if (files.length > 0)
    notes.push(`EnvironmentFile stays in the unit; its variables are not known here: ${files.join(', ')}`)
  if (last('Type') === 'notify') notes.push('Type=notify stays in the unit: Jumak tells systemd, too')
  return {
    ...NOTHING_SAID,
    command: { words: words.map(word => word.replaceAll('%%', '%')) },
    place,
    directory,
    variables: own,
    user: last('User'),
    group: last('Group'),
    notes,
    replacing,
  }
}

function replaced(word: string, replacing: Replacing): string[] {
  const alone = /^\$([A-Za-z_]\w*)$/.exec(word)
  if (alone !== null)
    return replacing
      .get(alone[1]!)
      .split(/\s+/)
      .filter(part => part !== '')
  const inside = (_: string, name: string | undefined) => (name === undefined ? '$' : replacing.get(name))
  return [word.replace(/\$\$|\$\{([A-Za-z_]\w*)\}/g, inside)]
}

function linesOf(text: string): Line[] {
  const found: Line[] = []
  let section = ''
  for (const { text: whole, line } of joinedLines(text, /^\s*[#;]/, ' ')) {
    const title = /^\[([^\]]*)\]/.exec(whole)
    const equals = whole.indexOf('=')
    if (title !== null) section = title[1]!
    else if (equals > 0)
      found.push({ section, key: whole.slice(0, equals).trim(), value: whole.slice(equals + 1).trim(), line })
  }
  return found
}
