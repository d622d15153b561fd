/** Schemas that several settings use: text in, value out, with phrases that say what is allowed. */
import { z } from 'zod'
import type { Parsed } from '../diagnostics.ts'

/** Around a parser of ours. */
export function parsedBy<Value>(parse: (text: string) => Parsed<Value>): z.ZodType<Value, string> {
  return z.string().transform((text, context) => {
    const parsed = parse(text)
    if ('value' in parsed) return parsed.value
    context.addIssue({ code: 'custom', message: parsed.problem })
    return z.NEVER
  })
}

/** A whole number from 1 to `maximum`. */
export function count(maximum: number): z.ZodType<number, string> {
  return parsedBy(text => {
    const value = parseCount(text, maximum)
    return value === null ? { problem: `must be a whole number from 1 to ${maximum}` } : { value }
  })
}

/** The same, or one word. */
export function countOr<const Word extends string>(word: Word, maximum: number): z.ZodType<number | Word, string> {
  return parsedBy<number | Word>(text => {
    const value = text === word ? word : parseCount(text, maximum)
    return value === null ? { problem: `must be a whole number from 1 to ${maximum}, or ${word}` } : { value }
  })
}

function parseCount(text: string, maximum: number): number | null {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  return value >= 1 && value <= maximum ? value : null
}

export function oneOf<const Word extends string>(words: readonly [Word, ...Word[]]): z.ZodType<Word, string> {
  return z.enum(words, { error: `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}` })
}

/** Any text but the empty one; `word` alone means null. */
export function textOr(word: string, message: string): z.ZodType<string | null, string> {
  return z
    .string()
    .min(1, message)
    .transform(text => (text === word ? null : text))
}
