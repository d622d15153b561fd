/** gunicorn's settings for a file of PasteDeploy, in its section "Server Mechanics", and the application that they name. Pure. */
import { resolve } from 'node:path'
import { type AnyOption, type GivenOptions, works } from '../option.ts'
import { list, text } from '../shapes.ts'
import type { Translation } from '../translation.ts'

export const PASTE: readonly AnyOption[] = [
  works(
    'paste',
    {
      flags: ['--paste', '--paster'],
      shape: text(),
      doc: 'File of PasteDeploy that names the application: FILE or FILE#NAME.',
    },
    '`APP`, as in `production.ini#main`; PasteDeploy is the one of the environment of the application',
    // `namePaste` reads both.
    () => {},
  ),
  works(
    'raw_paste_global_conf',
    { flags: ['--paste-global'], shape: list(), standard: '[]', doc: 'Variable for that file, KEY=VALUE; repeatable.' },
    '`APP`, as in `production.ini?KEY=VALUE#main`',
    (assignments, to) => {
      if (assignments.length > 0 && !to.isGiven('paste')) to.tell('does nothing without --paste')
      // A value may be a secret.
      else if (assignments.some(one => assignmentOf(one) === null)) to.reject('must be KEY=VALUE')
    },
  ),
]

/** `directory`: where the program was started. gunicorn reads the path before `--chdir`. */
export function namePaste(given: GivenOptions, directory: string, to: Translation): void {
  const { value, place } = given.get('paste')!
  const written = value as string
  const hash = written.indexOf('#')
  const path = pasteFile(given, directory)!
  const section = hash >= 0 ? written.slice(hash + 1) : path.endsWith('.ini') ? null : 'main'
  const variables = ((given.get('raw_paste_global_conf')?.value ?? []) as readonly string[]).flatMap(one => {
    const found = assignmentOf(one)
    return found === null ? [] : [found]
  })
  const query = variables.length === 0 ? '' : `?${new URLSearchParams(variables)}`
  to.named(place, `${path}${query}${section === null ? '' : `#${section}`}`)
}

/** The path of `--paste`. Null: it was not given. */
export function pasteFile(given: GivenOptions, directory: string): string | null {
  const written = given.get('paste')?.value as string | undefined
  return written === undefined ? null : resolve(directory, written.split('#', 1)[0]!)
}

/** `a\\=b=c` has the key `a=b`, as there. */
function assignmentOf(written: string): [key: string, value: string] | null {
  for (let at = written.indexOf('='); at >= 0; at = written.indexOf('=', at + 1))
    if (written[at - 1] !== '\\') return [plain(written.slice(0, at)), plain(written.slice(at + 1))]
  return null
}

function plain(text: string): string {
  return text.replaceAll('\\=', '=')
}
