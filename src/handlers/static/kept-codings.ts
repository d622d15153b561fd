/**
 * Files in a compressed form: made once, in Node's thread pool, and kept in memory. Runs in the gateway, once in each event loop.
 *
 * No request waits: until the compressed form is there, the file is sent as it is. So the first visitor of a changed file gets a few more bytes
 * and no delay; and a request for a thousand files that nobody has asked for costs no more than their reads.
 *
 * Invariants:
 * - What is kept belongs to the very file that an entry was made of: device, inode, size and times are in its key.
 * - One file is compressed at a time, and few wait for it. The bytes that are kept are bounded; what was used last stays.
 * - Its entity tag is the file's own, weak: other machines, and another version of zlib, make other bytes of the same file. So there are no
 *   ranges of it (RFC9110§14.2), and any form that a client has is confirmed by a 304.
 *
 * Not here: which files are compressed (`entry.ts`, by the policy), compressed files that lie beside the file.
 */
import { read } from 'node:fs'
import { promisify } from 'node:util'
import type { OpenFiles } from '../../base/open-files.ts'
import type { Encoders } from '../../compression/encoders.ts'
import { compressedHead } from '../../compression/fields.ts'
import { PIECE, PieceEncoder } from '../../compression/piece-encoder.ts'
import { type Coding, preferCoding } from '../../http/accept-encoding.ts'
import { type Entry, isSameFile, type Variant } from './entry.ts'
import { openAgain } from './files.ts'

/** Compressed, all files together: the text of a large site. */
const MAX_BYTES = 16 * 1024 * 1024
/** Files and codings; also those that get no smaller, of which nothing but that is kept. */
const MAX_KEPT = 4096
/** A page has fewer files. Those that find no place are asked for again. */
const MAX_WAITING = 64
/** What saves less is not worth the work of the client. */
const WORTH = 0.9

const readAt = promisify(read)

interface Kept {
  /** Null: it gets no smaller. */
  readonly content: Buffer | null
  /** Since the last search for room. */
  isUsed: boolean
}

interface Wanted {
  readonly key: string
  readonly entry: Entry
  readonly coding: Coding
}

export class KeptCodings {
  readonly #encoders: Encoders
  readonly #openFiles: OpenFiles
  readonly #kept = new Map<string, Kept>()
  readonly #variants = new WeakMap<Entry, Map<Coding, Variant>>()
  /** The first is under way. */
  readonly #wanted: Wanted[] = []
  #bytes = 0

  constructor(encoders: Encoders, openFiles: OpenFiles) {
    this.#encoders = encoders
    this.#openFiles = openFiles
  }

  /** The form that the client prefers; null: send the file as it is, this time or always. */
  find(entry: Entry, acceptEncoding: string | undefined): Variant | null {
    const coding = preferCoding(acceptEncoding, entry.compressible)
    if (coding === null) return null
    const key = `${coding} ${entry.plain.identity}`
    const kept = this.#kept.get(key)
    if (kept === undefined) {
      this.#want({ key, entry, coding })
      return null
    }
    kept.isUsed = true
    return kept.content === null ? null : this.#variantOf(entry, coding, kept.content)
  }

  #variantOf(entry: Entry, coding: Coding, content: Buffer): Variant {
    const variants = this.#variants.get(entry) ?? new Map<Coding, Variant>()
    const known = variants.get(coding)
    if (known !== undefined) return known
    const variant = compressedVariant(entry.plain, coding, content)
    this.#variants.set(entry, variants.set(coding, variant))
    return variant
  }

  #want(wanted: Wanted): void {
    if (this.#encoders.isPressed || this.#wanted.length >= MAX_WAITING) return
    if (this.#wanted.some(({ key }) => key === wanted.key)) return
    this.#wanted.push(wanted)
    if (this.#wanted.length === 1) void this.#work()
  }

  async #work(): Promise<void> {
    while (this.#wanted.length > 0) {
      const { key, entry, coding } = this.#wanted[0]!
      // Whoever asks for the file meets the error that it has; what is compressed is only left out.
      const content = await this.#compress(entry, coding).catch(() => undefined)
      if (content !== undefined) this.#keep(key, content)
      this.#wanted.shift()
    }
  }

  /** Null: it gets no smaller. Undefined: not now. */
  async #compress({ plain }: Entry, coding: Coding): Promise<Buffer | null | undefined> {
    const encoder = new PieceEncoder(this.#encoders.pool, coding, 'small', false)
    const output: Buffer[] = []
    const add = async (piece: Buffer, isLast: boolean): Promise<boolean> => {
      output.push(...(await encoder.next(piece, isLast)))
      return !this.#encoders.memory.isNear
    }
    try {
      const isDone = plain.content === null ? await this.#addFile(plain, add) : await add(plain.content, true)
      if (!isDone) return undefined
    } finally {
      encoder.close()
    }
    const content = Buffer.concat(output)
    return content.length < plain.size * WORTH ? content : null
  }

  /** False: the file is another one, or memory is short. */
  async #addFile(plain: Variant, add: (piece: Buffer, isLast: boolean) => Promise<boolean>): Promise<boolean> {
    const file = plain.path === null ? null : await openAgain(plain.path, this.#openFiles)
    if (file === null) return false
    try {
      if (!isSameFile(plain, file.stats)) return false
      for (let at = 0; at < plain.size; ) {
        // It is kept by the stream until it is compressed.
        const piece = Buffer.allocUnsafe(Math.min(PIECE, plain.size - at))
        const { bytesRead } = await readAt(file.fd, piece, 0, piece.length, at)
        if (bytesRead < piece.length) return false
        at += bytesRead
        if (!(await add(piece, at === plain.size))) return false
      }
    } finally {
      this.#openFiles.close(file.fd)
    }
    // Written meanwhile: half of it may be of the file before.
    const after = await openAgain(plain.path!, this.#openFiles)
    if (after !== null) this.#openFiles.close(after.fd)
    return after !== null && isSameFile(plain, after.stats)
  }

  #keep(key: string, content: Buffer | null): void {
    this.#kept.set(key, { content, isUsed: false })
    this.#bytes += content?.length ?? 0
    for (const [old, kept] of this.#kept) {
      if (this.#bytes <= MAX_BYTES && this.#kept.size <= MAX_KEPT) return
      this.#kept.delete(old)
      if (kept.isUsed) {
        kept.isUsed = false
        this.#kept.set(old, kept)
      } else {
        this.#bytes -= kept.content?.length ?? 0
      }
    }
  }
}

function compressedVariant(plain: Variant, coding: Coding, content: Buffer): Variant {
  const { headers } = compressedHead({ status: 200, reason: '', headers: plain.whole }, coding)
  return {
    ...plain,
    coding,
    size: content.length,
    content,
    path: null,
    isWeak: true,
    whole: Object.freeze([...headers, 'Content-Length', String(content.length)]) as string[],
    partial: plain.partial,
    notModified: Object.freeze(
      plain.notModified.map((text, i) => (plain.notModified[i - 1] === 'ETag' ? `W/${text}` : text)),
    ) as string[],
  }
}
