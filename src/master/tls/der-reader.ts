/** Elements of DER (X.690), from bytes to values: of what Node does not read itself. The work is linear in the bytes. */

export interface Element {
  readonly tag: number
  readonly content: Buffer
}

const [UTC_TIME, GENERALIZED_TIME] = [0x17, 0x18]

/** All elements of `bytes`, one behind the other. Throws a RangeError: it is no DER. */
export function elementsIn(bytes: Buffer): Element[] {
  const elements: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    // No tag of more than one byte is in what we read.
    const tag = bytes.readUInt8(at)
    let length = bytes.readUInt8(at + 1)
    at += 2
    if (length >= 0x80) {
      const size = length & 0x7f
      length = bytes.readUIntBE(at, size)
      at += size
    }
    if (at + length > bytes.length) throw new RangeError('an element is longer than what it is in')
    elements.push({ tag, content: bytes.subarray(at, at + length) })
    at += length
  }
  return elements
}

/** Milliseconds since 1970. Null: it is another element. */
export function timeOf({ tag, content }: Element): number | null {
  if (tag !== UTC_TIME && tag !== GENERALIZED_TIME) return null
  const text = content.toString('latin1')
  // RFC5280§4.1.2.5.1
  const digits = tag === GENERALIZED_TIME ? text : `${text < '5' ? '20' : '19'}${text}`
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
