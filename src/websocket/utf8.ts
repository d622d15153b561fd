/** Checks that a text is UTF-8 (RFC6455§8.1), although it comes in pieces that are cut anywhere. Finds an error with its last byte. */
import { isUtf8 } from 'node:buffer'

/** For fewer bytes a loop over ASCII is faster than the call. */
const SHORT = 24

export function isUtf8Text(data: Buffer): boolean {
  if (data.length >= SHORT) return isUtf8(data)
  for (let i = 0; i < data.length; i++) if (data[i]! >= 0x80) return isUtf8(data)
  return true
}

/** Checks one text after the other. */
export class Utf8Check {
  /** The first bytes of a character that is not complete. */
  #begun: number[] = []
  #wanted = 0

  /** False: the text is not UTF-8, whatever follows. */
  push(data: Buffer): boolean {
    let at = 0
    while (this.#begun.length > 0 && at < data.length) {
      if (!isContinuation(data[at]!)) return false
      this.#begun.push(data[at++]!)
      if (this.#begun.length < this.#wanted) continue
      if (!isUtf8(Buffer.from(this.#begun))) return false
      this.#begun = []
    }
    const end = wholeLength(data, at)
    if (end < data.length) {
      this.#begun = [...data.subarray(end)]
      this.#wanted = sizeOf(data[end]!)
    }
    return isUtf8Text(at === 0 && end === data.length ? data : data.subarray(at, end))
  }

  /** The text is over. False: its last character is not complete. */
  end(): boolean {
    const isWhole = this.#begun.length === 0
    this.#begun = []
    return isWhole
  }
}

/** Where an incomplete character at the end begins; the length of the data when there is none. */
function wholeLength(data: Buffer, from: number): number {
  for (let back = 1; back <= 3 && data.length - back >= from; back++) {
    const byte = data[data.length - back]!
    if (!isContinuation(byte)) return sizeOf(byte) > back ? data.length - back : data.length
  }
  return data.length
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}

/** Length of the character that begins with this byte; 1 also for a byte that cannot begin one. */
function sizeOf(byte: number): number {
  return byte >= 0xf8 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
}
