/**
 * The extensions behind the size of a chunk (RFC9112§7.1.1). They are checked, since two servers could read them differently (request
 * smuggling), and then forgotten.
 */
import { TOKEN } from '../base/token.ts'

const [TAB, SPACE, QUOTE, SEMICOLON, EQUALS, BACKSLASH] = [0x09, 0x20, 0x22, 0x3b, 0x3d, 0x5c]

/** 1: the character may be part of a token. */
const IN_TOKEN = Uint8Array.from({ length: 256 }, (_, code) => (TOKEN.test(String.fromCharCode(code)) ? 1 : 0))

/** `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )`, from `from` to the end of `line`, which is latin-1. One pass. */
export function areChunkExtensions(line: string, from: number): boolean {
  let at = from
  while (at < line.length) {
    at = afterBlanks(line, at)
    if (line.charCodeAt(at) !== SEMICOLON) return false
    const name = afterBlanks(line, at + 1)
    at = afterToken(line, name)
    if (at === name) return false
    const equals = afterBlanks(line, at)
    if (line.charCodeAt(equals) !== EQUALS) continue
    const value = afterBlanks(line, equals + 1)
    at = line.charCodeAt(value) === QUOTE ? afterQuoted(line, value) : afterToken(line, value)
    if (at === value) return false
  }
  return true
}

function afterBlanks(line: string, from: number): number {
  let at = from
  while (line.charCodeAt(at) === SPACE || line.charCodeAt(at) === TAB) at++
  return at
}

function afterToken(line: string, from: number): number {
  let at = from
  while (IN_TOKEN[line.charCodeAt(at)] === 1) at++
  return at
}

/** Returns `from` when the string has no end, or has a control character. */
function afterQuoted(line: string, from: number): number {
  for (let at = from + 1; at < line.length; at++) {
    let code = line.charCodeAt(at)
    if (code === QUOTE) return at + 1
    if (code === BACKSLASH) code = line.charCodeAt(++at)
    if (!((code >= SPACE && code !== 0x7f) || code === TAB)) return from
  }
  return from
}
