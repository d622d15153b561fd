/**
 * Whose command line it is: `jumak gunicorn shop.wsgi`, or a link named `gunicorn` to `bin/jumak`. A first word that is exactly such a name
 * is the program; an application of that name is `gunicorn:app`, or its path. Loaded at each start, so it imports nothing.
 */

export const PROGRAM_NAMES = ['gunicorn', 'uvicorn', 'fastapi'] as const

export type ProgramName = (typeof PROGRAM_NAMES)[number]

/** `startedAs`: the path that was started. Null: the command line is ours. */
export function programOf(
  words: readonly string[],
  startedAs: string | null,
): { readonly program: ProgramName; readonly rest: readonly string[] } | null {
  const link = startedAs?.slice(startedAs.lastIndexOf('/') + 1)
  if (isProgram(link)) return { program: link, rest: words }
  const [first, ...rest] = words
  return isProgram(first) ? { program: first, rest } : null
}

function isProgram(word: string | undefined): word is ProgramName {
  return PROGRAM_NAMES.some(name => name === word)
}
