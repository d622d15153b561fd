/**
 * What the master says to the spawner of CGI programs: one line of JSON on its standard input, at its start and after each change of the
 * configuration. It answers nothing; the end of its standard input is its end.
 *
 *     {"type":"programs","processes":8,"token":"9f…","programs":{"5b…":{…}}}
 *
 * `python/jumak_worker/cgi/messages.py` checks it; `test/vectors/cgi.json` has examples for both.
 */
import type { CgiProgram } from '../sites/upstream-model.ts'

export interface CgiPrograms {
  readonly type: 'programs'
  /** That run at once: 1 to 65536. */
  readonly processes: number
  /** In the environment of each program, so that a later spawner finds what one that died has left. No secret. */
  readonly token: string
  /** By their keys. */
  readonly programs: Readonly<Record<string, CgiEntry>>
}

/** `variables`: with their values. */
export type CgiEntry = Omit<CgiProgram, 'key' | 'variables'> & {
  readonly variables: Readonly<Record<string, string>>
}
