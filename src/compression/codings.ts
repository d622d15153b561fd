/**
 * The three codings as Node has them: how much work each does, what an encoder costs, and its making. Runs in the gateway. zlib is loaded when
 * the first content is compressed.
 *
 * `quick` is for content that is compressed for each response, `small` for files that are compressed once and kept. Measured on HTML (us of CPU a
 * KiB, of the size): gzip 1: 5, 0.40; brotli 4: 15, 0.37; zstd 3: 4.4, 0.38. On JavaScript of 246 KB: gzip 9: 13 ms, 0.24; brotli 9: 29 ms,
 * 0.21; zstd 12: 25 ms, 0.22; brotli 11 would be 320 ms, 0.19.
 */
import type { BrotliCompress, Gzip, ZstdCompress } from 'node:zlib'
import type { Coding } from '../http/accept-encoding.ts'
import { KeptEncoder } from './kept-encoder.ts'

/** How hard an encoder works. */
export type Effort = 'quick' | 'small'

const GZIP_LEVEL: Readonly<Record<Effort, number>> = { quick: 1, small: 9 }
const BROTLI_QUALITY: Readonly<Record<Effort, number>> = { quick: 4, small: 9 }
const ZSTD_LEVEL: Readonly<Record<Effort, number>> = { quick: 3, small: 12 }

/**
 * How far back an encoder of `quick` looks: 128 KiB of zstd, 256 KiB of brotli. Pages are shorter, and the defaults would take
 * megabytes for each response.
 */
const ZSTD_WINDOW = 17
const BROTLI_WINDOW = 18

/** Memory of one encoder of `quick`, as it was measured, with its stream. Those of `small` are few (`handlers/static/kept-codings.ts`). */
export const ENCODER_BYTES: Readonly<Record<Coding, number>> = {
  gzip: 320 * 1024,
  br: 1536 * 1024,
  zstd: 1408 * 1024,
}

type Zlib = typeof import('node:zlib')
let loaded: Zlib | null = null

function zlib(): Zlib {
  loaded ??= process.getBuiltinModule('node:zlib')
  return loaded
}

/**
 * Content up to this size is compressed within the call: 0.15 ms of gzip or zstd, 0.5 ms of brotli, and no other request waits longer than that. A job of
 * the pool would cost 0.02 ms more, and an encoder of its own.
 */
export const MAX_WHOLE = 32 * 1024

/** Within the call. The result is valid until the next call. `content`: MAX_WHOLE bytes at most. */
export function compressWhole(coding: Coding, content: Buffer): Buffer {
  switch (coding) {
    case 'gzip':
      gzip ??= keptGzip()
      return gzip.compress(content)
    case 'zstd':
      zstd ??= keptZstd()
      return zstd.compress(content)
    case 'br':
      return zlib().brotliCompressSync(content, { params: brotliParams('quick', content.length) })
  }
}

let gzip: KeptEncoder | null = null
let zstd: KeptEncoder | null = null

function keptGzip(): KeptEncoder {
  const { createGzip, gzipSync, constants } = zlib()
  const options = { level: GZIP_LEVEL.quick }
  return new KeptEncoder({
    create: () => createGzip(options),
    finish: constants.Z_FINISH,
    resets: true,
    alone: content => gzipSync(content, options),
    maximum: MAX_WHOLE,
  })
}

function keptZstd(): KeptEncoder {
  const { createZstdCompress, zstdCompressSync, constants } = zlib()
  const options = { params: zstdParams('quick') }
  return new KeptEncoder({
    create: () => createZstdCompress(options),
    finish: constants.ZSTD_e_end,
    resets: false,
    alone: content => zstdCompressSync(content, options),
    maximum: MAX_WHOLE,
  })
}

export type Encoder = Gzip | BrotliCompress | ZstdCompress

/** `flushes`: after each write the client can decode all that was written. */
export function createEncoder(coding: Coding, effort: Effort, flushes: boolean): Encoder {
  const { constants: is, createGzip, createBrotliCompress, createZstdCompress } = zlib()
  switch (coding) {
    case 'gzip':
      return createGzip({ level: GZIP_LEVEL[effort], flush: flushes ? is.Z_SYNC_FLUSH : is.Z_NO_FLUSH })
    case 'br':
      return createBrotliCompress({
        flush: flushes ? is.BROTLI_OPERATION_FLUSH : is.BROTLI_OPERATION_PROCESS,
        params: brotliParams(effort, 0),
      })
    case 'zstd':
      return createZstdCompress({ flush: flushes ? is.ZSTD_e_flush : is.ZSTD_e_continue, params: zstdParams(effort) })
  }
}

/** `size`: of the whole content; 0: it is not known. */
function brotliParams(effort: Effort, size: number): Record<number, number> {
  const { constants: is } = zlib()
  const params: Record<number, number> = { [is.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY[effort] }
  if (size > 0) params[is.BROTLI_PARAM_SIZE_HINT] = size
  if (effort === 'quick') params[is.BROTLI_PARAM_LGWIN] = BROTLI_WINDOW
  return params
}

function zstdParams(effort: Effort): Record<number, number> {
  const { constants: is } = zlib()
  const params: Record<number, number> = { [is.ZSTD_c_compressionLevel]: ZSTD_LEVEL[effort] }
  if (effort === 'quick') params[is.ZSTD_c_windowLog] = ZSTD_WINDOW
  return params
}
