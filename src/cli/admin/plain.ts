/** Text of others for a terminal: it obeys nothing in it. Pure. */

/** Shows control characters, besides line breaks, and those that turn the direction of the text. */
export function plain(text: string): string {
  return text.replace(
    /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** The same of a line of JSON: it stays JSON, and means the same. Control characters below 0x20 are escaped in any JSON. */
export function plainJson(line: string): string {
  return line.replace(
    /[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** On one line, of at most `width` characters; `…` stands for what is cut. */
export function cut(text: string, width: number): string {
  const line = plain(text).replaceAll('\n', ' ')
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`
}
