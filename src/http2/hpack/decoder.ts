/**
 * Header blocks of requests to fields (RFC7541§3, §6), sans-IO. Runs in the gateway, for each request; one decoder for each connection.
 *
 * - A block is decoded to its end whatever its fields are: the table must stay the same as the client's. An invalid or unwanted field is
 *   the sink's concern.
 * - The work is linear in the bytes of the block, and so is the memory: a field that the table has costs a call, and its strings are the
 *   table's. A string is checked once, when it comes as a literal; its entry remembers the result.
 * - Not here: what fields a request may or must have, and how many. Nor frames: all fragments of a block are joined.
 */
import { DynamicTable } from './dynamic-table.ts'
import { HpackError } from './errors.ts'
import { Field } from './field.ts'
import { type FieldName, fieldName } from './field-names.ts'
import { decodeField, readField } from './known-fields.ts'
import { FIRST_DYNAMIC, STATIC_TABLE } from './static-table.ts'
import { StringReader } from './strings.ts'

export interface HpackSink {
  /**
   * Once for each field, in order. `value` is latin-1. It may be a string that the table has too, so a field costs the sink what it
   * makes of it: the sink counts `name.name.length + value.length + 32` (RFC9113§6.5.2) and refuses by itself.
   * `isValid`: name and value are as RFC9113§8.2.1 wants them; if not, the request is malformed, and the block is decoded on.
   * `isSensitive`: never indexed (RFC7541§6.2.3).
   */
  field(name: FieldName, value: string, isValid: boolean, isSensitive: boolean): void
}

const STATIC_FIELDS = STATIC_TABLE.map(row => row && new Field(fieldName(row[0]), row[1], false))

// The kinds of a field's representation (RFC7541§6), by the highest bits of its first byte.
const INDEXED = 0x80
const INCREMENTAL = 0x40
const SIZE_UPDATE = 0x20
const NEVER_INDEXED = 0x10

/** The smallest size since the last block, and the last one (RFC7541§4.2). */
const MAX_UPDATES = 2

export class HpackDecoder {
  readonly #table: DynamicTable<Field>
  /** What the client may choose at most. */
  #limit: number
  /** The client must come down to this before its next field; Infinity: it need not. */
  #dueSize = Number.POSITIVE_INFINITY

  /** `maxTableSize`: SETTINGS_HEADER_TABLE_SIZE as the client knows it at first: 4096 (RFC9113§6.5.2). */
  constructor(maxTableSize: number) {
    this.#table = new DynamicTable(maxTableSize)
    this.#limit = maxTableSize
  }

  /** The client has acknowledged another SETTINGS_HEADER_TABLE_SIZE. */
  setMaxTableSize(size: number): void {
    this.#limit = size
    if (size < this.#table.maxSize) this.#dueSize = Math.min(this.#dueSize, size)
  }

  /** `block` is a whole header block. Throws HpackError: the connection cannot go on. A sink must not throw: the table would be wrong. */
  decode(block: Buffer, sink: HpackSink): void {
    const reader = new StringReader(block)
    const table = this.#table
    this.#readUpdates(reader)
    while (reader.at < block.length) {
      const first = block[reader.at]!
      if (first >= INDEXED) {
        const { name, value, isValid } = this.#entry(reader.integer(INDEXED - 1))
        sink.field(name, value, isValid, false)
      } else if (first >= INCREMENTAL) {
        const field = readField(reader, this.#name(reader, INCREMENTAL - 1))
        table.add(field)
        sink.field(field.name, field.value, field.isValid, false)
      } else if (first >= SIZE_UPDATE) {
        throw new HpackError(
          'A header block has a table size update behind a field, or more than two of them',
          'RFC7541§4.2',
        )
      } else if (first >= NEVER_INDEXED) {
        const { name, value, isValid } = decodeField(reader, this.#name(reader, NEVER_INDEXED - 1))
        sink.field(name, value, isValid, true)
      } else {
        const { name, value, isValid } = readField(reader, this.#name(reader, NEVER_INDEXED - 1))
        sink.field(name, value, isValid, false)
      }
    }
  }

  #readUpdates(reader: StringReader): void {
    const { bytes } = reader
    let smallest = Number.POSITIVE_INFINITY
    for (let updates = 0; updates < MAX_UPDATES && reader.at < bytes.length; updates++) {
      const first = bytes[reader.at]!
      if (first >= INCREMENTAL || first < SIZE_UPDATE) break
      const size = reader.integer(SIZE_UPDATE - 1)
      if (size > this.#limit)
        throw new HpackError(`The client wants a table of ${size} octets, of ${this.#limit}`, 'RFC7541§6.3')
      this.#table.resize(size)
      smallest = Math.min(smallest, size)
    }
    if (smallest > this.#dueSize)
      throw new HpackError(`The client must first make its table as small as ${this.#dueSize} octets`, 'RFC7541§4.2')
    this.#dueSize = Number.POSITIVE_INFINITY
  }

  #entry(index: number): Field {
    const entry = index < FIRST_DYNAMIC ? STATIC_FIELDS[index] : this.#table.get(index - FIRST_DYNAMIC)
    if (entry === undefined)
      throw new HpackError(index === 0 ? 'An index is 0' : `The tables have no index ${index}`, 'RFC7541§6.1')
    return entry
  }

  #name(reader: StringReader, mask: number): FieldName {
    const index = reader.integer(mask)
    return index === 0 ? fieldName(reader.string()) : this.#entry(index).name
  }
}
