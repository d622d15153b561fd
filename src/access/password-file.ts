/** A file of `htpasswd`: a line for each user, `name:hash`, and comments. Read when the configuration is loaded. Pure. */
import { parsePasswordHash } from './password-hash.ts'

export interface PasswordLine {
  /** Bytes, as a client sends them. */
  readonly name: string
  readonly hash: string
}

/** What is wrong with one line. */
export interface LineProblem {
  /** From 1. */
  readonly line: number
  /** A sentence. */
  readonly problem: string
}

/** Bytes: with every user's line that is 10,000 users. All of them go to the gateway in one message. */
export const MAX_PASSWORD_FILE = 1024 * 1024
const MAX_USERS = 10_000
const MAX_NAME = 255

/** `text`: a character for each byte. The first of two lines for one name counts, as in nginx. */
export function parsePasswordFile(text: string): { users: readonly PasswordLine[]; problems: readonly LineProblem[] } {
  const users = new Map<string, string>()
  const problems: LineProblem[] = []
  for (const [index, written] of text.split('\n').entries()) {
    const line = index + 1
    const entry = written.replace(/\r$/, '')
    if (entry === '' || entry.startsWith('#')) continue
    const [name = '', rest] = entry.split(/:(.*)/s)
    if (rest === undefined || name === '' || name.length > MAX_NAME || /[\x00-\x1f\x7f]/.test(name)) {
      problems.push({ line, problem: 'this must be a line as in name:hash' })
      continue
    }
    // What follows a second colon is a comment, but in a plain password.
    const hash = rest.startsWith('{PLAIN}') ? rest : rest.replace(/:.*$/s, '')
    const parsed = parsePasswordHash(hash)
    if ('problem' in parsed) problems.push({ line, problem: `${name} ${parsed.problem}` })
    else if (!users.has(name)) users.set(name, hash)
    if (users.size > MAX_USERS) {
      problems.push({ line, problem: `more than ${MAX_USERS} users are for a database, not for a file` })
      break
    }
  }
  return { users: [...users].map(([name, hash]) => ({ name, hash })), problems }
}
