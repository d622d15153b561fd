/** The parts of APP. Looks at no file: `app-target.ts` finds whether the place is a module or a file. */
import type { Parsed } from '../diagnostics.ts'

export interface AppName {
  /** Before the colon: a module or a path. */
  readonly place: string
  /** After the colon; null if there is none. May have dots. */
  readonly callable: string | null
  /** `callable()`: it is called and returns the application. */
  readonly factory: boolean
  /** Of the factory, as they were written: `'prod', debug=True`. Python finds whether they are plain values. */
  readonly arguments: string
  /** As the user wrote it. */
  readonly text: string
}

const DOTTED_NAME = /^[\p{ID_Start}_]\p{ID_Continue}*(?:\.[\p{ID_Start}_]\p{ID_Continue}*)*$/u
/** Characters. They are in a message to the preloader. */
const MAX_ARGUMENTS = 1000
const FORMS = 'must be module, module:callable, module:factory(), or the path of a file'

/** Dotted identifiers, as in `shop.wsgi`. */
export function isDottedName(text: string): boolean {
  return DOTTED_NAME.test(text)
}

export function parseAppName(text: string): Parsed<AppName> {
  if (/^[\w.-]*:\d+$/.test(text)) return { problem: `must name an application: an address is written -b ${text}` }
  // Arguments may have colons and slashes, so they come before the split.
  const [, head, passed = ''] = /^([^:(]+:[\p{ID_Continue}.]+)\(\s*([^\s)].*)\)$/su.exec(text) ?? []
  if (head !== undefined) return withArguments(parseAppName(`${head}()`), passed, text)
  // A directory in a path may have a colon; a callable has no slash.
  const [, place, after] = /^(.*):([^:/]*)$/s.exec(text) ?? [null, text, null]
  if (place === undefined || place === '')
    return { problem: text === '' ? FORMS : 'must have a module or a file before the colon' }
  if (after === null || after === undefined)
    return { value: { place, callable: null, factory: false, arguments: '', text } }
  const factory = after.endsWith('()')
  const callable = factory ? after.slice(0, -2) : after
  if (callable === '') return { problem: 'must have the name of a callable after the colon' }
  if (!isDottedName(callable)) return { problem: `must have a Python name after the colon, and '${callable}' is none` }
  return { value: { place, callable, factory, arguments: '', text } }
}

function withArguments(parsed: Parsed<AppName>, passed: string, text: string): Parsed<AppName> {
  if ('problem' in parsed) return parsed
  if (passed.length > MAX_ARGUMENTS || /[\x00-\x1f\x7f]/.test(passed))
    return { problem: `must pass its factory at most ${MAX_ARGUMENTS} characters, on one line` }
  return { value: { ...parsed.value, arguments: passed.trim(), text } }
}
