/**
 * A header block from HEADERS and the CONTINUATION frames behind it (RFC9113§4.3, §6.2, §6.10), sans-IO. Runs in the gateway. The block is
 * bounded before it is decoded: a client may send CONTINUATION for ever (CVE-2024-27983).
 */
import { tooMuchPadding } from './frame-reader.ts'
import { ConnectionError, ErrorCode, Flag, readUint31 } from './frames.ts'

/** Frames of one block. Clients fill each of them. */
const MAX_FRAMES = 32

export interface HeaderBlock {
  readonly stream: number
  readonly isLast: boolean
  /** The stream's priority depends on itself (RFC 7540, section 5.3.1). Nobody sends that by mistake. */
  readonly dependsOnItself: boolean
  /** A view that is valid during the call only, or a copy. */
  readonly bytes: Buffer
}

export class HeaderBlocks {
  readonly #maxBytes: number
  #head: Omit<HeaderBlock, 'bytes'> | null = null
  #parts: Buffer[] = []
  #bytes = 0

  /** `maxBytes`: of one block. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The stream whose block is not complete; 0: none. Only CONTINUATION may come for it (RFC9113§6.10). */
  get openStream(): number {
    return this.#head?.stream ?? 0
  }

  get keptBytes(): number {
    return this.#bytes
  }

  /** The payload of HEADERS. Null: CONTINUATION follows. Throws ConnectionError. */
  headers(flags: number, stream: number, payload: Buffer): HeaderBlock | null {
    let from = 0
    let to = payload.length
    if ((flags & Flag.PADDED) !== 0) {
      if (to === 0) throw tooShort()
      to -= payload[0]!
      from = 1
    }
    let dependsOnItself = false
    if ((flags & Flag.PRIORITY) !== 0) {
      if (payload.length < from + 5) throw tooShort()
      dependsOnItself = readUint31(payload, from) === stream
      from += 5
    }
    if (to < from) throw tooMuchPadding()
    const head = { stream, isLast: (flags & Flag.END_STREAM) !== 0, dependsOnItself }
    const bytes = payload.subarray(from, to)
    if ((flags & Flag.END_HEADERS) !== 0) return { ...head, bytes }
    this.#head = head
    this.#keep(bytes)
    return null
  }

  /** The payload of CONTINUATION. Null: more follows. Throws ConnectionError. */
  continuation(flags: number, stream: number, payload: Buffer): HeaderBlock | null {
    const head = this.#head
    if (head === null || head.stream !== stream)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'CONTINUATION does not follow its HEADERS', 'RFC9113§6.10')
    this.#keep(payload)
    if ((flags & Flag.END_HEADERS) === 0) return null
    const bytes = Buffer.concat(this.#parts, this.#bytes)
    this.#head = null
    this.#parts = []
    this.#bytes = 0
    return { ...head, bytes }
  }

  #keep(payload: Buffer): void {
    this.#bytes += payload.length
    if (this.#bytes > this.#maxBytes || this.#parts.length >= MAX_FRAMES)
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'A header block is too long', 'RFC9113§10.5.1')
    this.#parts.push(Buffer.from(payload))
  }
}

function tooShort(): ConnectionError {
  return new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'HEADERS is too short', 'RFC9113§6.2')
}
