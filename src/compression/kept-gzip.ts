/**
 * gzip of small content within a call, by one encoder that is used again. Node's own `gzipSync` makes an encoder of 256 KB each time: for a page
 * of 20 KB that costs as much again as the compression. Runs in the gateway, once in each event loop.
 *
 * `reset` is documented for gzip; the write within the call is not (it is what `gzipSync` calls itself). So what it needs is looked for, the
 * first result is compared with that of `gzipSync`, and each result must have taken all of the content. Where anything is otherwise, it is `gzipSync`.
 */
import type { Gzip } from 'node:zlib'

type Zlib = typeof import('node:zlib')

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

interface Inside extends Gzip {
  /** The type definitions lack it. */
  reset(): void
  readonly _handle?: Handle | null
  /** After a write: the room that is left, and the input that is. */
  readonly _writeState?: Uint32Array
}

/** Noise gets a little longer. */
const MORE = 1024

export class KeptGzip {
  readonly #zlib: Zlib
  readonly #level: number
  readonly #room: Buffer
  #encoder: Inside | null
  #isProven = false

  /** `maximum`: bytes of content. */
  constructor(zlib: Zlib, level: number, maximum: number) {
    this.#zlib = zlib
    this.#level = level
    this.#room = Buffer.allocUnsafeSlow(maximum + MORE)
    this.#encoder = zlib.createGzip({ level }) as Inside
    // Else an error would be one of the process.
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
    return this.#ownOf(content)
  }

  /** By an encoder of its own. */
  #ownOf(content: Buffer): Buffer {
    return this.#zlib.gzipSync(content, { level: this.#level })
  }

  #again(encoder: Inside, content: Buffer): Buffer | null {
    const { _handle: handle, _writeState: state } = encoder
    if (typeof handle?.writeSync !== 'function' || !(state instanceof Uint32Array)) return null
    const room = this.#room
    try {
      encoder.reset()
      handle.writeSync(this.#zlib.constants.Z_FINISH, content, 0, content.length, room, 0, room.length)
      const [roomLeft = 0, inputLeft = 1] = state
      if (inputLeft !== 0 || roomLeft === 0) return null
      const compressed = room.subarray(0, room.length - roomLeft)
      if (!this.#isProven && !this.#ownOf(content).equals(compressed)) return null
      this.#isProven = true
      return compressed
    } catch {
      return null
    }
  }
}
