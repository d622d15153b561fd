/**
 * The commands that talk to a running program: `jumak status`. A first word that is exactly one of them is the command, and so is one
 * behind flags that say which program is meant (`jumak -c FILE status`); an application of that name is `status:app`, or its path. Loaded
 * at each start, so it imports nothing.
 */

export const COMMANDS = ['status', 'reload', 'upgrade', 'stop', 'workers', 'log-level', 'upstream'] as const

export type Command = (typeof COMMANDS)[number]

/** Flags that may stand before a command as well. With the value they are one word (`--config=FILE`) or two. */
const BEFORE: readonly string[] = ['-c', '--config', '--chdir', '--admin-socket']

/** The command, and its other words. Null: the words are none. `jumak help status` is `jumak status --help`. */
export function commandOf(words: readonly string[]): { readonly command: Command; readonly rest: string[] } | null {
  const [first, second] = words
  if (first === 'help' && isCommand(second)) return { command: second, rest: ['--help'] }
  const at = afterFlags(words)
  const word = words[at]
  return isCommand(word) ? { command: word, rest: words.toSpliced(at, 1) } : null
}

/** The words besides `explain`, which asks no program that runs. Null: the words are not that command. */
export function explainWords(words: readonly string[]): string[] | null {
  if (words[0] === 'help' && words[1] === 'explain') return ['--help']
  const at = afterFlags(words)
  return words[at] === 'explain' ? words.toSpliced(at, 1) : null
}

/** The place of the first word that is no flag of a command, nor the value of one. */
function afterFlags(words: readonly string[]): number {
  let at = 0
  for (let word = words[at]; word !== undefined; word = words[at]) {
    if (BEFORE.includes(word)) at += 2
    else if (word === '--json' || BEFORE.includes(word.split('=', 1)[0]!)) at++
    else break
  }
  return at
}

function isCommand(word: string | undefined): word is Command {
  return COMMANDS.some(command => command === word)
}
