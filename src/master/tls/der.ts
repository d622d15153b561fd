/** The few forms of DER (X.690) that a certificate has, from values to bytes. `der-reader.ts` reads DER. */

type Bytes = Uint8Array

/** One element: its tag, its length, its content. */
function element(tag: number, ...content: readonly Bytes[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag, ...lengthOf(body.length)]), body])
}

/** One byte below 128; above, the number of bytes that follow, and then these, the highest first. */
function lengthOf(length: number): number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 | bytes.length, ...bytes]
}

export const sequence = (...content: readonly Bytes[]): Buffer => element(0x30, ...content)
export const set = (...content: readonly Bytes[]): Buffer => element(0x31, ...content)
export const octets = (...content: readonly Bytes[]): Buffer => element(0x04, ...content)
export const text = (value: string): Buffer => element(0x0c, Buffer.from(value))
export const yes = (): Buffer => element(0x01, Buffer.from([0xff]))

/** `bytes` are the number, the highest byte first, without a sign: at least one byte, and the first one is not 0 unless it is alone. */
export function positiveInteger(bytes: Bytes): Buffer {
  return bytes[0]! >= 0x80 ? element(0x02, Buffer.from([0]), bytes) : element(0x02, bytes)
}

/** `unused`: how many bits at the end of the last byte do not count. */
export const bits = (content: Bytes, unused = 0): Buffer => element(0x03, Buffer.from([unused]), content)

/** `[number]` around other elements. */
export const constructed = (number: number, ...content: readonly Bytes[]): Buffer => element(0xa0 | number, ...content)

/** `[number]` in place of the tag of a text or of bytes. */
export const primitive = (number: number, content: Bytes): Buffer => element(0x80 | number, content)

/** From the form with dots: `2.5.29.17`. */
export function objectId(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number) as [number, number, ...number[]]
  const bytes = [first * 40 + second, ...rest].flatMap(number => {
    const groups = [number % 128]
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift(0x80 | (left % 128))
    return groups
  })
  return element(0x06, Buffer.from(bytes))
}

/** Whole seconds. Two digits of the year until 2049, then four (RFC5280§4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
  return date.getUTCFullYear() < 2050 ? element(0x17, Buffer.from(digits.slice(2))) : element(0x18, Buffer.from(digits))
}
