/** What APP says, taken apart. Looks at no file: whether the place is a module or a file is `app-target.ts`'s question. */
import type { Parsed } from '../diagnostics.ts'

export interface AppName {
  /** Before the colon: a module or a path. */
  readonly place: string
  /** After the colon; null when only the place was named. May be dotted. */
  readonly callable: string | null
  /** `callable()`: it is called without arguments and returns the application. */
  readonly factory: boolean
  /** As the user wrote it. */
  readonly text: string
}

const DOTTED_NAME = /^[\p{ID_Start}_]\p{ID_Continue}*(?:\.[\p{ID_Start}_]\p{ID_Continue}*)*$/u
const FORMS = 'must be module, module:callable, module:factory(), or the path of a file'

/** Dotted identifiers, as in `shop.wsgi`. */
export function isDottedName(text: string): boolean {
  return DOTTED_NAME.test(text)
}

export function parseAppName(text: string): Parsed<AppName> {
  if (/^[\w.-]*:\d+$/.test(text)) return { problem: `must name an application: an address is written -b ${text}` }
  // Its arguments may hold colons and slashes, so this comes before anything is split.
  if (/^[^:(]+:[\p{ID_Continue}.]+\(\s*[^\s)].*\)$/su.test(text))
    return { problem: 'must call its factory without arguments: write a function that passes them' }
  // A path may have colons in its directories; a callable has no slash.
  const [, place, after] = /^(.*):([^:/]*)$/s.exec(text) ?? [null, text, null]
  if (place === undefined || place === '')
    return { problem: text === '' ? FORMS : 'must have a module or a file before the colon' }
  if (after === null || after === undefined) return { value: { place, callable: null, factory: false, text } }
  const factory = after.endsWith('()')
  const callable = factory ? after.slice(0, -2) : after
  if (callable === '') return { problem: 'must have the name of a callable after the colon' }
  if (!isDottedName(callable)) return { problem: `must have a Python name after the colon, and '${callable}' is none` }
  return { value: { place, callable, factory, text } }
}
