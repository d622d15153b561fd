import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as zlib from 'node:zlib'
import { KeptGzip } from './kept-gzip.ts'
import { prose } from './testing/compressed.ts'

const MAXIMUM = 32 * 1024

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

test('one encoder compresses content after content, of any length and kind, as gzipSync does', () => {
  const gzip = new KeptGzip(zlib, 1, MAXIMUM)
  for (const content of [prose(1), prose(5000), noise(MAXIMUM), prose(MAXIMUM), Buffer.alloc(0), prose(300)]) {
    const compressed = Buffer.from(gzip.compress(content))
    assert.ok(zlib.gunzipSync(compressed).equals(content))
    assert.ok(compressed.equals(zlib.gzipSync(content, { level: 1 })))
  }
  assert.equal(gzip.isKept, true, 'this Node has what it needs')
})

test('where Node has not what it needs, or it does something else, each call makes its own', () => {
  const broken: ((encoder: zlib.Gzip) => object)[] = [
    encoder => Object.assign(encoder, { _writeState: undefined }),
    encoder => Object.assign(encoder, { _handle: null }),
    // It takes nothing.
    encoder => Object.assign(encoder, { _writeState: new Uint32Array([100, 5]) }),
    // What it writes is no gzip.
    encoder => Object.assign(encoder, { _writeState: new Uint32Array([MAXIMUM, 0]) }),
  ]
  for (const breaks of broken) {
    const createGzip = () => breaks(zlib.createGzip({ level: 1 })) as zlib.Gzip
    const gzip = new KeptGzip({ ...zlib, createGzip }, 1, MAXIMUM)
    for (const content of [prose(5000), prose(100)]) assert.ok(zlib.gunzipSync(gzip.compress(content)).equals(content))
    assert.equal(gzip.isKept, false)
  }
})
