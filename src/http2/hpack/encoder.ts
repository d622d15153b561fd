/**
 * Fields of responses to header blocks (RFC7541§6), sans-IO. Runs in the gateway, for each response; one encoder for each connection.
 *
 * - A value enters the table when the connection sends it for the second time. So values that never come again (ETag, request ids) push
 *   nothing out of it, and `date` enters it at most once a second. Nothing is remembered across connections: a client must not learn
 *   what others were sent.
 * - The table has at most 4096 octets, whatever size the client allows, and is as small as it asks for.
 * - Values of sensitive names never enter it (`response-names.ts`).
 * - Values are written as they are, without the Huffman code: it makes them a quarter shorter and costs four times as much, and what
 *   comes again is one byte anyway. Names are in the code, which is made once for each name.
 * - Not here: what a response may carry (`http/response-rules.ts`). Names and values are checked.
 */
import { DEFAULT_TABLE_SIZE, DynamicTable, ENTRY_OVERHEAD } from './dynamic-table.ts'
import { MAX_INTEGER_BYTES, writeInteger } from './integers.ts'
import { NO_NAME, nameBehind, type ResponseName } from './response-names.ts'
import { FIRST_DYNAMIC, STATIC_TABLE } from './static-table.ts'

/** Bytes that a block needs at most before its fields: two size updates and the status. */
const ROOM_FOR_HEAD = 2 * MAX_INTEGER_BYTES + 8
/** Bytes that a field needs at most, besides its name and value: its kind, and two lengths. */
const ROOM_FOR_FIELD = 1 + 2 * MAX_INTEGER_BYTES

/** The bytes that `encode` needs at most for a block of these fields. */
export function roomFor(lines: readonly string[]): number {
  let room = ROOM_FOR_HEAD
  for (let i = 0; i < lines.length; i += 2) room += lines[i]!.length + lines[i + 1]!.length + ROOM_FOR_FIELD
  return room
}

const STATUS = nameBehind(NO_NAME, ':status')
/** By status, the index of those that the static table has. */
const STATUS_INDEXES: ReadonlyMap<number, number> = new Map(
  STATIC_TABLE.flatMap((row, index) => (row?.[0] === ':status' ? [[Number(row[1]), index]] : [])),
)

interface Entry {
  readonly name: ResponseName
  readonly value: string
  readonly size: number
  /** The number of the entry of this name that came before, or 0 (`DynamicTable.entered`). */
  readonly before: number
}

/** Entries of one name that are looked at. Dates fill the table with old ones. */
const MAX_TRIES = 8

/** How many fields are remembered that were sent once: those of a few responses. They are searched one by one. */
const MARKS = 32

/** A value is not written character by character when it is longer. */
const SHORT_VALUE = 12

/** A head that comes again is copied if it has no more bytes; a longer one has fields that are not in the table. */
const MAX_COPIED = 64

export class HpackEncoder {
  readonly #ownLimit: number
  readonly #table: DynamicTable<Entry>
  /** The number of the newest entry of each name, which may have left the table. */
  readonly #newest = new Map<ResponseName, number>()
  /** Hashes of the last fields that were sent once. */
  readonly #marks: number[] = new Array<number>(MARKS).fill(-1)
  #marked = 0
  /** What the next block must say: the smallest size since the last block, and the size. -1: nothing. */
  #smallestSize = -1
  #nextSize = -1
  /** The block of `#lastLines`, which is right while the table has had `#lastEntered` entries. */
  #lastLines: readonly string[] | null = null
  #lastEntered = 0
  #lastBytes: Uint8Array | null = null
  #lastLength = 0

  /** `maxTableSize`: what we spend at most for the table, in RFC octets, whatever the client allows. */
  constructor(maxTableSize: number) {
    this.#ownLimit = maxTableSize
    this.#table = new DynamicTable(DEFAULT_TABLE_SIZE)
    this.setPeerTableSize(DEFAULT_TABLE_SIZE)
  }

  /** The client's SETTINGS_HEADER_TABLE_SIZE, before our acknowledgement is sent. The next block says what it has become (RFC7541§4.2). */
  setPeerTableSize(size: number): void {
    const next = Math.min(size, this.#ownLimit)
    if (this.#nextSize < 0 && next === this.#table.maxSize) return
    this.#smallestSize = this.#nextSize < 0 ? next : Math.min(this.#smallestSize, next)
    this.#nextSize = next
  }

  /**
   * Writes a whole header block into `into` from `at`, and returns its end. `into` has room for `roomFor(lines)` bytes. `lines` is
   * `[name, value, …]`: names are lower-case, values latin-1, both checked (`http/response-rules.ts`). `status` 0: none (trailers).
   */
  encode(status: number, lines: readonly string[], into: Buffer, at: number): number {
    if (this.#nextSize >= 0) at = this.#writeUpdates(into, at)
    if (status !== 0) at = this.#status(status, into, at)
    let name = NO_NAME
    for (let i = 0; i < lines.length; i += 2) {
      name = nameBehind(name, lines[i]!)
      at = this.#field(name, lines[i + 1]!, into, at)
    }
    return at
  }

  /** The same for a head that comes again: this very array, unchanged, always with this status. It costs a copy of some bytes. */
  encodeAgain(status: number, lines: readonly string[], into: Buffer, at: number): number {
    const { entered } = this.#table
    if (this.#lastLines === lines && this.#lastEntered === entered && this.#nextSize < 0) {
      const bytes = this.#lastBytes!
      for (let i = 0; i < this.#lastLength; i++) into[at + i] = bytes[i]!
      return at + this.#lastLength
    }
    const isUpdated = this.#nextSize >= 0
    const marked = this.#marked
    const end = this.encode(status, lines, into, at)
    // The next block differs when this one has changed anything.
    const isSame = !isUpdated && this.#table.entered === entered && this.#marked === marked
    if (!isSame || end - at > MAX_COPIED) this.#lastLines = null
    else {
      this.#lastBytes ??= new Uint8Array(MAX_COPIED)
      for (let i = at; i < end; i++) this.#lastBytes[i - at] = into[i]!
      this.#lastLength = end - at
      this.#lastLines = lines
      this.#lastEntered = entered
    }
    return end
  }

  #writeUpdates(into: Buffer, at: number): number {
    const smallest = this.#smallestSize
    const next = this.#nextSize
    this.#smallestSize = this.#nextSize = -1
    // The block of `#lastLines` may have entries that leave now.
    this.#lastLines = null
    if (smallest < next) {
      this.#table.resize(smallest)
      at = writeInteger(smallest, 0x1f, 0x20, into, at)
    }
    this.#table.resize(next)
    return writeInteger(next, 0x1f, 0x20, into, at)
  }

  #status(status: number, into: Buffer, at: number): number {
    const index = STATUS_INDEXES.get(status)
    if (index === undefined) return this.#field(STATUS, String(status), into, at)
    into[at] = 0x80 | index
    return at + 1
  }

  #field(name: ResponseName, value: string, into: Buffer, at: number): number {
    const table = this.#table
    if (name.isSensitive) return this.#literal(name, name.staticIndex, value, 0x0f, 0x10, into, at)
    const oldest = table.entered - table.count
    const newest = this.#newest.get(name) ?? 0
    let number = newest
    for (let tries = 0; number > oldest && tries < MAX_TRIES; tries++) {
      const entry = table.get(table.entered - number)!
      if (entry.value === value) return writeInteger(this.#indexOf(number), 0x7f, 0x80, into, at)
      number = entry.before
    }
    const index = name.staticIndex > 0 || newest <= oldest ? name.staticIndex : this.#indexOf(newest)
    const size = name.name.length + value.length + ENTRY_OVERHEAD
    if (!name.isKnown || size > table.maxSize / 2 || !this.#isSecond(name, value))
      return this.#literal(name, index, value, 0x0f, 0x00, into, at)
    const end = this.#literal(name, index, value, 0x3f, 0x40, into, at)
    // A copy: a slice would keep all in memory that it is cut from.
    const own = into.toString('latin1', end - value.length, end)
    table.add({ name, value: own, size, before: newest })
    this.#newest.set(name, table.entered)
    return end
  }

  #indexOf(number: number): number {
    return FIRST_DYNAMIC + this.#table.entered - number
  }

  /** Whether the connection has sent this field before, as far as the marks tell. */
  #isSecond(name: ResponseName, value: string): boolean {
    let hash = name.id
    for (let i = 0; i < value.length; i++) hash = (Math.imul(hash, 31) + value.charCodeAt(i)) | 0
    // A small integer of V8, whatever its build.
    const mark = hash & 0x3fffffff
    if (this.#marks.includes(mark)) return true
    this.#marks[this.#marked++ % MARKS] = mark
    return false
  }

  #literal(
    name: ResponseName,
    index: number,
    value: string,
    mask: number,
    pattern: number,
    into: Buffer,
    at: number,
  ): number {
    at = writeInteger(index, mask, pattern, into, at)
    if (index === 0) {
      const { literal } = name
      for (let i = 0; i < literal.length; i++) into[at++] = literal[i]!
    }
    const { length } = value
    at = writeInteger(length, 0x7f, 0, into, at)
    if (length > SHORT_VALUE) return at + into.write(value, at, 'latin1')
    for (let i = 0; i < length; i++) into[at++] = value.charCodeAt(i)
    return at
  }
}
