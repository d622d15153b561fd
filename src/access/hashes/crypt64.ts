/** The base-64 of crypt(3): its own alphabet, the lowest bits first. Pure. */

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** `order`: indexes of bytes, three at a time, the highest byte first; the last ones may be fewer. */
export function crypt64(bytes: Buffer, order: readonly number[]): string {
  let text = ''
  for (let i = 0; i < order.length; i += 3) {
    const group = order.slice(i, i + 3)
    let value = 0
    for (const at of group) value = (value << 8) | bytes[at]!
    for (let left = group.length + 1; left > 0; left--) {
      text += ALPHABET[value & 63]
      value >>>= 6
    }
  }
  return text
}

/** A salt of `length` characters. `random`: at least as many bytes. */
export function saltOf(random: Buffer, length: number): string {
  return Array.from(random.subarray(0, length), byte => ALPHABET[byte & 63]).join('')
}
