/**
 * Small content compressed within a call, by one encoder of gzip or zstd that is used again. What Node documents (`gzipSync`,
 * `zstdCompressSync`) makes an encoder each time, of 0.3 or 1.3 MB: for a page of 20 KB that costs more than the compression, and garbage
 * besides. Runs in the gateway, once for each coding in each event loop.
 *
 * gzip begins anew after `reset`, which is documented, zstd with the next frame by itself; brotli cannot. The write within the call is not
 * documented: it is what the documented functions call. So what it needs is looked for, the first result is compared with that of the
 * documented function, and each result must have taken all of the content. Where anything is otherwise, it is the documented function.
 */
import type { Gzip, ZstdCompress } from 'node:zlib'

/** Of a stream of zlib. */
interface Handle {
  writeSync(
    flush: number,
    input: Buffer,
    inputAt: number,
    inputLength: number,
    output: Buffer,
    outputAt: number,
    outputLength: number,
  ): void
}

interface Inside {
  readonly _handle?: Handle | null
  /** After a write: the room that is left, and the input that is. */
  readonly _writeState?: Uint32Array
  /** The type definitions lack it. */
  reset?(): void
}

export interface KeptOptions {
  readonly create: () => Gzip | ZstdCompress
  /** Flushes the end of the content. */
  readonly finish: number
  /** The encoder must be told that other content begins. */
  readonly resets: boolean
  /** The documented function. */
  readonly alone: (content: Buffer) => Buffer
  /** Bytes of content. */
  readonly maximum: number
}

/** Bytes. Content that cannot be compressed gets a little longer. */
const MORE = 1024

export class KeptEncoder {
  readonly #options: KeptOptions
  readonly #room: Buffer
  #encoder: ((Gzip | ZstdCompress) & Inside) | null
  #isProven = false

  constructor(options: KeptOptions) {
    this.#options = options
    this.#room = Buffer.allocUnsafeSlow(options.maximum + MORE)
    this.#encoder = options.create() as (Gzip | ZstdCompress) & Inside
    // An error without a listener would end the process.
    this.#encoder.on('error', () => {})
  }

  /** False: the encoder is not as it was known, and each call makes its own. */
  get isKept(): boolean {
    return this.#encoder !== null
  }

  /** The result is valid until the next call. `content`: `maximum` bytes at most. */
  compress(content: Buffer): Buffer {
    const compressed = this.#encoder === null ? null : this.#again(this.#encoder, content)
    if (compressed !== null) return compressed
    this.#encoder?.destroy()
    this.#encoder = null
    return this.#options.alone(content)
  }

  #again(encoder: Inside, content: Buffer): Buffer | null {
    const { _handle: handle, _writeState: state } = encoder
    if (typeof handle?.writeSync !== 'function' || !(state instanceof Uint32Array)) return null
    const { finish, resets, alone } = this.#options
    const room = this.#room
    try {
      if (resets) encoder.reset!()
      handle.writeSync(finish, content, 0, content.length, room, 0, room.length)
      const [roomLeft = 0, inputLeft = 1] = state
      if (inputLeft !== 0 || roomLeft === 0) return null
      const compressed = room.subarray(0, room.length - roomLeft)
      if (!this.#isProven && !alone(content).equals(compressed)) return null
      this.#isProven = true
      return compressed
    } catch {
      return null
    }
  }
}
