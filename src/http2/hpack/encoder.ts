/** Bytes that a block needs at most before its fields: two size updates and the status. */
export const ROOM_FOR_HEAD = 24
/** Bytes that a field needs at most, besides its name and value. */
export const ROOM_FOR_FIELD = 13

/** The bytes that `encode` needs at most for a block of these fields. */
export function roomFor(lines: readonly string[]): number {
  let room = ROOM_FOR_HEAD
  for (let i = 0; i < lines.length; i += 2) room += lines[i]!.length + lines[i + 1]!.length + ROOM_FOR_FIELD
  return room
}

export class HpackEncoder {
  /** `maxTableSize`: what we spend at most for the table, in RFC octets, whatever the client allows. */
  constructor(maxTableSize: number) {
    void maxTableSize
  }

  /** The client's SETTINGS_HEADER_TABLE_SIZE, before our acknowledgement is sent. The next block says what it has become (RFC7541§4.2). */
  setPeerTableSize(size: number): void {
    void size
  }

  /**
   * Writes a whole header block into `into` from `at`, and returns its end. `into` has room for `roomFor(lines)` bytes. `lines` is
   * `[name, value, …]`: names are lower-case, values latin-1, both checked (`http/response-rules.ts`). `status` 0: none (trailers).
   */
  encode(status: number, lines: readonly string[], into: Buffer, at: number): number {
    void status
    void lines
    void into
    return at
  }

  /** The same for a head that comes again: this very array, unchanged, always with this status. It costs a copy of some bytes. */
  encodeAgain(status: number, lines: readonly string[], into: Buffer, at: number): number {
    return this.encode(status, lines, into, at)
  }
}
