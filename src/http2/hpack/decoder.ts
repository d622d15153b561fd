import type { FieldName } from './field-names.ts'

export interface HpackSink {
  /**
   * Once for each field, in order. `value` is latin-1. It may be a string that the table has too, so a field costs the sink what it
   * makes of it: the sink counts `name.name.length + value.length + 32` (RFC9113§6.5.2) and refuses by itself.
   * `isValid`: name and value are as RFC9113§8.2.1 wants them; if not, the request is malformed, and the block is decoded on.
   * `isSensitive`: never indexed (RFC7541§6.2.3).
   */
  field(name: FieldName, value: string, isValid: boolean, isSensitive: boolean): void
}

export class HpackDecoder {
  /** `maxTableSize`: SETTINGS_HEADER_TABLE_SIZE as the client knows it at first: 4096 (RFC9113§6.5.2). */
  constructor(maxTableSize: number) {
    void maxTableSize
  }

  /** The client has acknowledged another SETTINGS_HEADER_TABLE_SIZE. */
  setMaxTableSize(size: number): void {
    void size
  }

  /** `block` is a whole header block. Throws HpackError: the connection cannot go on. A sink must not throw: the table would be wrong. */
  decode(block: Buffer, sink: HpackSink): void {
    void block
    void sink
    throw new Error('not built yet')
  }
}
