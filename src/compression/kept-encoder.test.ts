import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as zlib from 'node:zlib'
import { KeptEncoder, type KeptOptions } from './kept-encoder.ts'
import { prose } from './testing/compressed.ts'

const MAXIMUM = 32 * 1024

const GZIP: KeptOptions = {
  create: () => zlib.createGzip({ level: 1 }),
  finish: zlib.constants.Z_FINISH,
  resets: true,
  alone: content => zlib.gzipSync(content, { level: 1 }),
  maximum: MAXIMUM,
}
const ZSTD: KeptOptions = {
  create: () => zlib.createZstdCompress(),
  finish: zlib.constants.ZSTD_e_end,
  resets: false,
  alone: content => zlib.zstdCompressSync(content),
  maximum: MAXIMUM,
}

/** Bytes that no compression makes shorter. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let last = 1
  for (let i = 0; i < length; i++) {
    last = (last * 48271) % 0x7fffffff
    bytes[i] = last & 0xff
  }
  return bytes
}

for (const [name, options, decode] of [
  ['gzip', GZIP, zlib.gunzipSync],
  ['zstd', ZSTD, zlib.zstdDecompressSync],
] as const) {
  test(`one encoder of ${name} compresses content after content, of any length and kind, as if each were the first`, () => {
    const kept = new KeptEncoder(options)
    for (const content of [
      prose(1),
      prose(5000),
      noise(MAXIMUM),
      prose(MAXIMUM),
      Buffer.alloc(0),
      prose(300),
      prose(5000),
    ]) {
      const compressed = Buffer.from(kept.compress(content))
      assert.ok(decode(compressed).equals(content))
      assert.ok(compressed.equals(options.alone(content)))
    }
    assert.equal(kept.isKept, true, 'this Node has what it needs')
  })

  test(`${name}: where Node has not what it needs, or it does something else, each call makes its own`, () => {
    const broken: ((encoder: object) => object)[] = [
      encoder => Object.assign(encoder, { _writeState: undefined }),
      encoder => Object.assign(encoder, { _handle: null }),
      // It takes nothing.
      encoder => Object.assign(encoder, { _writeState: new Uint32Array([100, 5]) }),
      // It says something else than it does.
      encoder => Object.assign(encoder, { _writeState: new Uint32Array([MAXIMUM, 0]) }),
    ]
    for (const breaks of broken) {
      const kept = new KeptEncoder({ ...options, create: () => breaks(options.create()) as zlib.Gzip })
      for (const content of [prose(5000), prose(100)]) assert.ok(decode(kept.compress(content)).equals(content))
      assert.equal(kept.isKept, false)
    }
  })
}
