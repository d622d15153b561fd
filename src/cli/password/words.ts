/** The words of `jumak password`. Pure. */
import { HASH_NAMES, type HashName } from '../../access/hashes/make.ts'
import { closest } from '../../base/closest.ts'

export interface PasswordWords {
  readonly name: string
  readonly hash: HashName
}

export type ReadPasswordWords = PasswordWords | { readonly problem: string } | { readonly isHelp: true }

export function readPasswordWords(words: readonly string[]): ReadPasswordWords {
  const names: string[] = []
  let hash: HashName = 'bcrypt'
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '--help' || word === '-h') return { isHelp: true }
    const [flag, attached] = word.split(/=(.*)/s)
    if (flag === '--hash') {
      const value = attached ?? words[++i]
      const known = HASH_NAMES.find(one => one === value)
      if (known === undefined) {
        const near = closest(value ?? '', HASH_NAMES)
        return { problem: `--hash must be ${HASH_NAMES.join(', ')}${near === null ? '' : ` (did you mean ${near}?)`}` }
      }
      hash = known
    } else if (word.startsWith('-')) return { problem: `jumak password has no flag ${flag}; it has --hash` }
    else names.push(word)
  }
  const [name, ...more] = names
  if (name === undefined) return { problem: 'jumak password needs the name of a user, as in: jumak password ann' }
  if (more.length > 0)
    return { problem: `jumak password takes one name, and asks for the password: there is also '${more[0]}'` }
  if (/[:\x00-\x1f\x7f]/.test(name)) return { problem: 'a name may have no colon and no control character' }
  if (Buffer.byteLength(name) > 255) return { problem: 'a name may have 255 bytes' }
  return { name, hash }
}
