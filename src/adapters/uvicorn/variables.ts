/** `UVICORN_…`: each option has a variable, by the name of its parameter. An empty one is none, as with click. Pure. */
import { delimiter } from 'node:path'
import { closest } from '../../base/closest.ts'
import type { Diagnostic, Parsed } from '../../config/diagnostics.ts'
import type { Variables } from '../../config/sources/variables.ts'
import type { AnyOption, GivenOption } from '../option.ts'
import { parseBoolean } from './shapes.ts'

const PREFIX = 'UVICORN_'
const APP = 'UVICORN_APP'

export interface FromVariables {
  readonly given: Map<string, GivenOption>
  readonly app: string | null
  readonly problems: Diagnostic[]
  /** Names that mean nothing: told. */
  readonly notes: string[]
}

export function readVariables(variables: Variables, options: readonly AnyOption[]): FromVariables {
  const read: FromVariables = { given: new Map(), app: variables[APP] || null, problems: [], notes: [] }
  const known = new Set([APP])
  for (const option of options) {
    const place = variableOf(option)
    const text = variables[place]
    // Of a flag and its opposite the first line counts.
    if (known.has(place)) continue
    known.add(place)
    if (!text) continue
    const parsed = parseValue(option, text)
    if ('value' in parsed) read.given.set(option.name, { option, value: parsed.value, place })
    else read.problems.push({ subject: place, message: `${place} ${parsed.problem}, not '${text}'` })
  }
  for (const name of Object.keys(variables)) {
    if (!name.startsWith(PREFIX) || known.has(name)) continue
    const near = closest(name, [...known])
    read.notes.push(
      `${name} is no variable of uvicorn, and does nothing${near === null ? '' : `; did you mean ${near}?`}`,
    )
  }
  return read
}

export function variableOf({ name }: AnyOption): string {
  return `${PREFIX}${name.toUpperCase()}`
}

function parseValue({ name, shape }: AnyOption, text: string): Parsed<unknown> {
  if (shape.takes === 'nothing') return parseBoolean(text)
  if (!shape.isList) return shape.fromText(text)
  // Paths are separated as in $PATH, all else by blanks.
  return { value: text.split(name === 'reload_dirs' ? delimiter : /\s+/).filter(part => part !== '') }
}
