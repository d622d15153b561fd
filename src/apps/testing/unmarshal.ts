/** Reads back what `wire/marshal.ts` writes, in the plainest way: str is a string, bytes a Buffer, a tuple a `Tuple`. */

export class Tuple extends Array<Marshalled> {}
export type Marshalled = string | number | null | Buffer | Marshalled[] | Tuple | Map<string, Marshalled>

export function unmarshal(bytes: Buffer): Marshalled {
  let at = 0
  const u32 = () => {
    at += 4
    return bytes.readUInt32LE(at - 4)
  }
  const cut = (length: number) => {
    at += length
    if (at > bytes.length) throw new Error('marshal data ends too early')
    return bytes.subarray(at - length, at)
  }
  const items = (count: number, into: Marshalled[]) => {
    for (let i = 0; i < count; i++) into.push(read())
    return into
  }
  const dict = () => {
    const map = new Map<string, Marshalled>()
    for (; bytes[at] !== 0x30; ) {
      const key = read() as string
      if (map.has(key)) throw new Error(`${key} twice`)
      map.set(key, read())
    }
    at++
    return map
  }
  const read = (): Marshalled => {
    const code = String.fromCharCode(bytes[at++]!)
    switch (code) {
      case 'z':
        return cut(bytes[at++]!).toString('latin1')
      case 'a':
        return cut(u32()).toString('latin1')
      case 'u':
        return cut(u32()).toString('utf8')
      case 's':
        return Buffer.from(cut(u32()))
      case 'i':
        return u32() | 0
      case 'N':
        return null
      case ')':
        return items(bytes[at++]!, new Tuple())
      case '[':
        return items(u32(), [])
      case '{':
        return dict()
      default:
        throw new Error(`marshal code ${code}`)
    }
  }
  const value = read()
  if (at !== bytes.length) throw new Error('marshal data goes on')
  return value
}
