/**
 * The commands that talk to a running program: `jumak status`. A first word that is exactly one of them is the command; an application of
 * that name is `status:app`, or its path. Loaded at each start, so it imports nothing.
 */

export const COMMANDS = ['status', 'reload', 'stop', 'workers', 'log-level'] as const

export type Command = (typeof COMMANDS)[number]

/** The command, and the words after it. Null: the words are none. `jumak help status` is `jumak status --help`. */
export function commandOf(words: readonly string[]): { readonly command: Command; readonly rest: string[] } | null {
  const [first, second] = words
  if (first === 'help' && isCommand(second)) return { command: second, rest: ['--help'] }
  return isCommand(first) ? { command: first, rest: words.slice(1) } : null
}

function isCommand(word: string | undefined): word is Command {
  return COMMANDS.some(command => command === word)
}
