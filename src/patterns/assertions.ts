/** What `^`, `$`, `\b` and their like say of a place in a subject. `syntax.ts` says what each kind means. */
import { WORD } from './byte-set.ts'
import { ASSERTION_KINDS } from './program.ts'

/** `kind`: its place in ASSERTION_KINDS. */
export function holds(kind: number, subject: string, here: number): boolean {
  const end = subject.length
  switch (ASSERTION_KINDS[kind]) {
    case 'start':
      return here === 0
    case 'end':
      return here === end
    case 'last-line-end':
      return here === end || (here === end - 1 && isNewline(subject, here))
    case 'line-start':
      return here === 0 || (here < end && isNewline(subject, here - 1))
    case 'line-end':
      return here === end || isNewline(subject, here)
    case 'word-boundary':
      return isWord(subject, here - 1) !== isWord(subject, here)
    default:
      return isWord(subject, here - 1) === isWord(subject, here)
  }
}

const isNewline = (subject: string, at: number) => subject.charCodeAt(at) === 0x0a
const isWord = (subject: string, at: number) => WORD[subject.charCodeAt(at)] === 1
