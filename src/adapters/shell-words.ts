/**
 * The words of a text, as a shell separates them and Python's `shlex.split` does: blanks separate; in single quotes everything is plain;
 * in double quotes a backslash stands before `"` and `\`; elsewhere before any character. No variables, no comments. Pure.
 */

export type ShellWords = { readonly words: readonly string[] } | { readonly problem: string }

export function shellWords(text: string): ShellWords {
  const words: string[] = []
  /** Null: between two words. */
  let word: string | null = null
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (/[ \t\r\n]/.test(character)) {
      if (word !== null) words.push(word)
      word = null
    } else if (character === '\\') {
      if (i + 1 === text.length) return { problem: 'must not end in a backslash' }
      word = (word ?? '') + text[++i]!
    } else if (character === "'" || character === '"') {
      const quoted = readQuoted(text, i + 1, character)
      if (quoted === null) return { problem: `must have a second ${character} for the one at character ${i + 1}` }
      word = (word ?? '') + quoted.text
      i = quoted.end
    } else word = (word ?? '') + character
  }
  if (word !== null) words.push(word)
  return { words }
}

/** `end`: where the closing quote stands. Null: there is none. */
function readQuoted(
  text: string,
  begin: number,
  quote: string,
): { readonly text: string; readonly end: number } | null {
  let read = ''
  for (let i = begin; i < text.length; i++) {
    const character = text[i]!
    if (character === quote) return { text: read, end: i }
    const escaped = text[i + 1]
    if (character === '\\' && quote === '"' && (escaped === '"' || escaped === '\\')) {
      read += escaped
      i++
    } else read += character
  }
  return null
}
