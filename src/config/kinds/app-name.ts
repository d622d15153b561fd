/** The parts of APP. Looks at no file: `app-target.ts` finds whether the place is a module or a file. */
import type { Parsed } from '../diagnostics.ts'

export interface AppName {
  /** Before the colon: a module or a path. */
  readonly place: string
  /** After the colon; null if there is none. May have dots. Of a file of PasteDeploy: the name behind `#`, or `main`. */
  readonly callable: string | null
  /** `callable()`: it is called and returns the application. */
  readonly factory: boolean
  /** Of the factory, as they were written: `'prod', debug=True`. Python finds whether they are plain values. */
  readonly arguments: string
  /** `FILE.ini?KEY=VALUE`: the place is a file of PasteDeploy, and these are its global variables. Null: it is none. */
  readonly paste: Readonly<Record<string, string>> | null
  /** As the user wrote it; without such variables, which may be secret. */
  readonly text: string
}

const DOTTED_NAME = /^[\p{ID_Start}_]\p{ID_Continue}*(?:\.[\p{ID_Start}_]\p{ID_Continue}*)*$/u
/** Characters. They are in a message to the preloader. */
const MAX_ARGUMENTS = 1000
const FORMS = 'must be module, module:callable, module:factory(), or the path of a file'
/** As PasteDeploy has it. */
const USUAL_SECTION = 'main'

/** Dotted identifiers, as in `shop.wsgi`. */
export function isDottedName(text: string): boolean {
  return DOTTED_NAME.test(text)
}

export function parseAppName(text: string): Parsed<AppName> {
  if (/^[\w.-]*:\d+$/.test(text)) return { problem: `must name an application: an address is written -b ${text}` }
  // Arguments may have colons and slashes, so they come before the split.
  const [, head, passed = ''] = /^([^:(]+:[\p{ID_Continue}.]+)\(\s*([^\s)].*)\)$/su.exec(text) ?? []
  if (head !== undefined) return withArguments(parseAppName(`${head}()`), passed, text)
  const ofPaste = parsePaste(text)
  if (ofPaste !== null) return ofPaste
  // A directory in a path may have a colon; a callable has no slash.
  const [, place, after] = /^(.*):([^:/]*)$/s.exec(text) ?? [null, text, null]
  if (place === undefined || place === '')
    return { problem: text === '' ? FORMS : 'must have a module or a file before the colon' }
  if (after === null || after === undefined)
    return { value: { place, callable: null, factory: false, arguments: '', paste: null, text } }
  const factory = after.endsWith('()')
  const callable = factory ? after.slice(0, -2) : after
  if (callable === '') return { problem: 'must have the name of a callable after the colon' }
  if (!isDottedName(callable)) return { problem: `must have a Python name after the colon, and '${callable}' is none` }
  return { value: { place, callable, factory, arguments: '', paste: null, text } }
}

/**
 * `FILE.ini?KEY=VALUE&…#NAME`. With `#NAME` the file may have any ending but `.py`: a directory may be named `c#`. Null: it is no file of
 * PasteDeploy.
 */
function parsePaste(text: string): Parsed<AppName> | null {
  const hash = text.lastIndexOf('#')
  const name = hash < 0 || text.includes('/', hash) ? null : text.slice(hash + 1)
  const uri = name === null ? text : text.slice(0, hash)
  const question = uri.indexOf('?')
  const place = question < 0 ? uri : uri.slice(0, question)
  if (!place.endsWith('.ini') && (name === null || place === '' || /\.py(?::|$)/.test(name))) return null
  if (name === '') return { problem: 'must have the name of a section after #, as in production.ini#main' }
  const paste = Object.fromEntries(new URLSearchParams(question < 0 ? '' : uri.slice(question + 1)))
  const shown = name === null ? place : `${place}#${name}`
  return { value: { place, callable: name ?? USUAL_SECTION, factory: false, arguments: '', paste, text: shown } }
}

function withArguments(parsed: Parsed<AppName>, passed: string, text: string): Parsed<AppName> {
  if ('problem' in parsed) return parsed
  if (passed.length > MAX_ARGUMENTS || /[\x00-\x1f\x7f]/.test(passed))
    return { problem: `must pass its factory at most ${MAX_ARGUMENTS} characters, on one line` }
  return { value: { ...parsed.value, arguments: passed.trim(), text } }
}
