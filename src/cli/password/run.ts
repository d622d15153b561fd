/**
 * `jumak password NAME`: asks for a password, and prints the line for a file of `auth-users`. Runs in the command line.
 *
 * Exit codes: 0 printed; 1 no password, or two different ones; 2 the words are wrong.
 */
import { MAX_BCRYPT_PASSWORD, makePasswordHash } from '../../access/hashes/make.ts'
import { twoColumns, wrap } from '../../base/layout.ts'
import { describeTerminal, type Terminal, writeTo } from '../terminal.ts'
import { askHidden, firstLine } from './prompt.ts'
import { type PasswordWords, readPasswordWords } from './words.ts'

const [DONE, FAILED, WRONG_USAGE] = [0, 1, 2]
/** Bytes: as many as a login may have (`access/logins.ts`). */
const MAX_PASSWORD = 512

/** Resolves with the exit code. `rest`: the words besides `password`. */
export async function runPassword(rest: readonly string[]): Promise<number> {
  const words = readPasswordWords(rest)
  if ('isHelp' in words) {
    writeTo(process.stdout, passwordHelp(describeTerminal(process.stdout, process.env)))
    return DONE
  }
  if ('problem' in words) return fail(WRONG_USAGE, [words.problem, 'try jumak password --help'])
  const password = await read(words.name)
  if (typeof password !== 'string') return fail(FAILED, [password.problem])
  const problem = problemWith(password, words)
  if (problem !== null) return fail(FAILED, [problem])
  writeTo(process.stdout, `${words.name}:${makePasswordHash(password, words.hash)}\n`)
  return DONE
}

/** Twice from a terminal, once from anything else. */
async function read(name: string): Promise<string | { readonly problem: string }> {
  if (!process.stdin.isTTY) return firstLine(process.stdin)
  const first = await askHidden(`Password for ${name}: `, process.stdin, process.stderr)
  if (first === null) return { problem: 'cancelled' }
  const second = await askHidden('Again: ', process.stdin, process.stderr)
  if (second === null) return { problem: 'cancelled' }
  return first === second ? first : { problem: 'these were two different passwords: nothing was made' }
}

function problemWith(password: string, { hash }: PasswordWords): string | null {
  const length = Buffer.byteLength(password)
  if (length === 0) return 'the password is empty: nothing was made'
  if (/[\x00-\x1f\x7f]/.test(password)) return 'a password may have no control characters: nothing was made'
  if (hash === 'bcrypt' && length > MAX_BCRYPT_PASSWORD)
    return `bcrypt looks at ${MAX_BCRYPT_PASSWORD} bytes, and this password has ${length}: use --hash argon2id`
  return length > MAX_PASSWORD ? `a password may have ${MAX_PASSWORD} bytes, and this has ${length}` : null
}

const WHAT =
  'Makes a line for a file of auth-users: the name, and a hash of a password. It asks for the password twice and does not show it; from a pipe it takes the first line. HUP (jumak reload) makes a changed file count.'

const EXAMPLES: readonly (readonly [string, string])[] = [
  ['jumak password ann >> users', 'a new user, at the end of the file'],
  ['jumak password --hash argon2id ann', 'with Argon2, which is slower to break with graphics cards'],
  ['pwgen 20 1 | jumak password ann', 'the password of another program'],
]

const FLAGS: readonly (readonly [string, string])[] = [
  ['    --hash NAME', 'bcrypt, which nginx and Apache read too; argon2id; sha512 [bcrypt]'],
  ['-h, --help', 'show this'],
]

function passwordHelp({ width, title, flag }: Terminal): string {
  const table = (rows: readonly (readonly [string, string])[], column: number) =>
    rows.flatMap(([left, right]) => twoColumns(`  ${left}`, right, { width, column, style: flag }))
  const lines = [
    ...wrap(WHAT, width),
    '',
    `${title('Usage:')} jumak password [--hash NAME] USER`,
    '',
    title('Examples'),
    ...table(EXAMPLES, 42),
    '',
    title('Flags'),
    ...table(FLAGS, 42),
  ]
  return `${lines.join('\n')}\n`
}

function fail(code: number, messages: readonly string[]): number {
  writeTo(process.stderr, messages.map(message => `jumak: ${message}\n`).join(''))
  return code
}
