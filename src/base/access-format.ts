/**
 * The grammar of access log formats: gunicorn's atoms, `%(h)s`, and a few of ours, `%({worker}x)s`. Text in, parts out. Pure.
 * The settings check formats with it, in the command line and the master. The gateway compiles them (`observe/access-format.ts`).
 *
 * Not here: what an atom means for a request.
 *
 *     %(h)s %(l)s %(u)s %(t)s       client's address, -, user of HTTP Basic, [21/Nov/2026:10:20:30 +0000]
 *     %(r)s %(m)s %(U)s %(q)s %(H)s request line, method, path, query, protocol
 *     %(s)s %(B)s %(b)s             status, bytes of content, the same with - for 0
 *     %(f)s %(a)s                   Referer, User-Agent
 *     %(T)s %(M)s %(D)s %(L)s       time taken: seconds, milliseconds, microseconds; seconds with a fraction
 *     %(p)s                         <process id> of the worker
 *     %({name}i)s %({name}o)s       a header of the request; of the response, as the application gave it
 *     %({request-id}x)s             %({queue-time}x)s and %({app-time}x)s in seconds, %({worker}x)s its number
 *     %({app}x)s                    name of the application, where there are several
 *     %({client-port}x)s            the client's port; %({reason}x)s the usual phrase of the status
 *     %%                            a percent sign
 */
import { TOKEN } from './token.ts'

export type FormatPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'atom'; readonly letter: string }
  /** `letter`: i, o or x; `name` in lower case. */
  | { readonly kind: 'named'; readonly letter: string; readonly name: string }

export type ParsedFormat = { readonly parts: readonly FormatPart[] } | { readonly problem: string }

/** Formats with a name. `json` is not made of atoms. */
export const NAMED_FORMATS: Readonly<Record<'common' | 'combined' | 'json', string>> = {
  common: '%(h)s - %(u)s %(t)s "%(r)s" %(s)s %(B)s',
  // The usual log readers know the first part and skip the rest.
  combined:
    '%(h)s - %(u)s %(t)s "%(r)s" %(s)s %(B)s "%(f)s" "%(a)s" %(L)s %({request-id}x)s ' +
    'queue=%({queue-time}x)s app=%({app-time}x)s worker=%({worker}x)s',
  json: '',
}

const OWN_ATOMS: readonly string[] = ['request-id', 'queue-time', 'app-time', 'worker', 'app', 'client-port', 'reason']

const LETTERS = 'hlutrmUqHsBbfaTMDLp'
const ATOM = /%\((?:\{([^{}]*)\})?([A-Za-z])\)s/y
/** Characters. Log readers cut longer lines anyway. */
const MAX_FORMAT = 4096

/** Null: a named format, or a valid one. Otherwise a phrase that follows the setting's name: `must be ...`. */
export function checkAccessFormat(text: string): string | null {
  if (Object.hasOwn(NAMED_FORMATS, text)) return null
  const parsed = parseAccessFormat(text)
  if ('problem' in parsed) return parsed.problem
  if (parsed.parts.some(part => part.kind !== 'text')) return null
  return 'must be common, combined, json, or one line with atoms such as %(h)s'
}

export function parseAccessFormat(text: string): ParsedFormat {
  if (text.length > MAX_FORMAT) return { problem: `must be at most ${MAX_FORMAT} characters long` }
  if (/[\x00-\x1f\x7f]/.test(text)) return { problem: 'must have no line break or other control character' }
  const parts: FormatPart[] = []
  let at = 0
  while (at < text.length) {
    const percent = text.indexOf('%', at)
    const end = percent < 0 ? text.length : percent
    if (end > at) parts.push({ kind: 'text', text: text.slice(at, end) })
    if (percent < 0) break
    if (text[percent + 1] === '%') {
      parts.push({ kind: 'text', text: '%' })
      at = percent + 2
      continue
    }
    ATOM.lastIndex = percent
    const match = ATOM.exec(text)
    if (match === null) return { problem: malformed(text, percent) }
    const part = atom(match[2]!, match[1])
    if (typeof part === 'string') return { problem: `${part} (${match[0]}, at character ${percent + 1})` }
    parts.push(part)
    at = ATOM.lastIndex
  }
  return { parts }
}

function atom(letter: string, name: string | undefined): FormatPart | string {
  if (name === undefined) {
    if (LETTERS.includes(letter)) return { kind: 'atom', letter }
    return `must use one of the atoms ${LETTERS.split('').join(' ')}`
  }
  const lower = name.toLowerCase()
  switch (letter) {
    case 'i':
    case 'o':
      return TOKEN.test(name) ? { kind: 'named', letter, name: lower } : 'must name a header in the braces'
    case 'x':
      return OWN_ATOMS.includes(lower)
        ? { kind: 'named', letter, name: lower }
        : `must name one of ${OWN_ATOMS.join(', ')} in the braces of an x`
    case 'e':
      return 'must not use %({name}e)s, because the environ lives in the worker; write %({name}i)s for a header'
    default:
      return 'must have i (request header), o (response header) or x (ours) after the braces'
  }
}

function malformed(text: string, at: number): string {
  return `must write an atom as %(h)s or %({name}i)s and a percent sign as %% ('${text.slice(at, at + 12)}', at character ${at + 1})`
}
