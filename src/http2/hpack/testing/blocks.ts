/** Header blocks for tests: by hand, and what a decoder makes of them. */
import type { HpackDecoder } from '../decoder.ts'
import { encodeHuffman, huffmanLength } from '../huffman.ts'
import { writeInteger } from '../integers.ts'

export interface Field {
  readonly name: string
  readonly value: string
  readonly isValid: boolean
  readonly isSensitive: boolean
}

export function decodeAll(decoder: HpackDecoder, block: Buffer): Field[] {
  const fields: Field[] = []
  decoder.decode(block, {
    field: ({ name }, value, isValid, isSensitive) => fields.push({ name, value, isValid, isSensitive }),
  })
  return fields
}

/** `[name, value]` of each field. */
export function pairs(fields: readonly Field[]): [string, string][] {
  return fields.map(({ name, value }) => [name, value])
}

export function integer(value: number, mask: number, pattern: number): Buffer {
  const into = Buffer.alloc(8)
  return into.subarray(0, writeInteger(value, mask, pattern, into, 0))
}

export function indexed(index: number): Buffer {
  return integer(index, 0x7f, 0x80)
}

export function sizeUpdate(size: number): Buffer {
  return integer(size, 0x1f, 0x20)
}

export function stringOf(text: string, isHuffman: boolean): Buffer {
  if (!isHuffman) return Buffer.concat([integer(text.length, 0x7f, 0), Buffer.from(text, 'latin1')])
  const code = Buffer.alloc(huffmanLength(text))
  encodeHuffman(text, code, 0)
  return Buffer.concat([integer(code.length, 0x7f, 0x80), code])
}

export type Kind = 'indexing' | 'without' | 'never'

export function literal(kind: Kind, name: string | number, value: string, isHuffman = false): Buffer {
  const [mask, pattern] = { indexing: [0x3f, 0x40], without: [0x0f, 0x00], never: [0x0f, 0x10] }[kind] as [
    number,
    number,
  ]
  const index = typeof name === 'number' ? name : 0
  const parts = [integer(index, mask, pattern), stringOf(value, isHuffman)]
  if (typeof name === 'string') parts.splice(1, 0, stringOf(name, isHuffman))
  return Buffer.concat(parts)
}
