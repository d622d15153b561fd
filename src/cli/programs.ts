/**
 * Whose command line it is: `jumak gunicorn shop.wsgi`, `jumak python -m uvicorn shop:app`, `jumak venv/bin/gunicorn shop.wsgi`, or a link named
 * `gunicorn` to `bin/jumak`. A first word that is exactly such a name is the program; an application of that name is `gunicorn:app`, or its
 * path. Loaded at each start, so it imports nothing.
 */

export const PROGRAM_NAMES = ['gunicorn', 'uvicorn', 'fastapi'] as const

export type ProgramName = (typeof PROGRAM_NAMES)[number]

export interface OtherProgram {
  readonly program: ProgramName
  readonly rest: readonly string[]
  /** The interpreter or environment whose program it is; null: the one that is found. */
  readonly python: string | null
}

/** `startedAs`: the path that was started. Null: the command line is ours. */
export function programOf(words: readonly string[], startedAs: string | null): OtherProgram | null {
  const link = startedAs?.slice(startedAs.lastIndexOf('/') + 1)
  if (isProgram(link)) return { program: link, rest: words, python: null }
  const [first = '', second, third] = words
  if (isProgram(first)) return { program: first, rest: words.slice(1), python: null }
  if (second === '-m' && isProgram(third) && /^(?:.*\/)?python[\d.]*$/.test(first))
    return { program: third, rest: words.slice(3), python: first === 'python' || first === 'python3' ? null : first }
  const [, environment, name] = /^(.+)\/bin\/(\w+)$/.exec(first) ?? []
  if (environment === undefined || !isProgram(name)) return null
  return { program: name, rest: words.slice(1), python: SYSTEM.includes(environment) ? null : environment }
}

/** Their Python is the one that is found. */
const SYSTEM: readonly string[] = ['/usr', '/usr/local']

function isProgram(word: string | undefined): word is ProgramName {
  return PROGRAM_NAMES.some(name => name === word)
}
