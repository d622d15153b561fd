/** What the keys of sites and of the tables that sites name have in common: where they stand, the kinds of their values, `name`. */
import { type Kind, text } from '../kinds/kinds.ts'
import { splitPair } from '../kinds/pair.ts'
import { parseSize } from '../kinds/size.ts'
import { input } from './setting.ts'

export const ofFile = { section: 'Sites', sources: ['file'], change: 'live' } as const
/** Most of them are simply not there. */
export const none = { default: null, defaultText: 'none' } as const

/** The key `name` of a table, which every such table must have. */
export const nameKey = (kind: Kind<string>, doc: string) =>
  input<string>({
    ...ofFile,
    ...none,
    name: 'name',
    placeholder: 'NAME',
    kind,
    why: 'It must be given.',
    doc,
  })

/** Text with variables; which there are is looked at when the site is compiled. */
export const template = (says: string): Kind<string> =>
  text(says, written => (/[\0\r\n]/.test(written) ? { problem: 'must be one line' } : { value: written }))

/** For editors: it need not stand in quotes. */
export const INTEGER_OR_TEXT = { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }] } as const

/** Bytes, as a number without a unit; or what variables say when a request comes, as nginx writes it: `64k`. */
export const sizeOrVariables: Kind<string> = {
  ...text('size: bytes, or with a unit (512K, 1M); or text with variables', written => {
    if (/[\0\r\n]/.test(written)) return { problem: 'must be one line' }
    if (written.includes('$')) return { value: written }
    const parsed = parseSize(written)
    return 'value' in parsed ? { value: String(parsed.value) } : parsed
  }),
  literals: ['integer'],
  json: INTEGER_OR_TEXT,
}

export const word = (says: string, pattern: RegExp, problem: string): Kind<string> =>
  text(says, written => (pattern.test(written) ? { value: written } : { problem }))

/** `NAME=VALUE` of a table. */
export const pair = (check: RegExp, problem: string): Kind<{ readonly name: string; readonly value: string }> =>
  text(
    'table of texts',
    written => {
      const [name, value] = splitPair(written)
      if (!check.test(name)) return { problem }
      return /[\0\r\n]/.test(value) ? { problem: 'must have one line as each value' } : { value: { name, value } }
    },
    { table: 'only' },
  )
