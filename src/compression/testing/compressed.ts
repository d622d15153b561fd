/** A response on its way through the filter of compression, with a client in memory that decodes. */
import { brotliDecompressSync, constants, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { PoolShares } from '../../base/pool-shares.ts'
import type { Coding } from '../../http/accept-encoding.ts'
import type { ResponseHead } from '../../http/exchange.ts'
import { addFilter } from '../../http/filtered-response.ts'
import type { HeaderLines } from '../../http/headers.ts'
import { MemoryExchange } from '../../http/testing/memory-response.ts'
import type { Compression } from '../../sites/model.ts'
import { Encoders } from '../encoders.ts'
import { compressionFilter } from '../filter.ts'

export const COMPRESSION: Compression = {
  files: true,
  responses: true,
  codings: ['zstd', 'br', 'gzip'],
  types: ['text/*', 'application/json'],
  minLength: 10,
}

export interface Asked {
  readonly accept?: string
  readonly method?: string
  readonly encoders?: Encoders
  readonly compression?: Partial<Compression>
}

export function encodersOf(memory: MemoryBudget = new MemoryBudget()): Encoders {
  return new Encoders(memory, new PoolShares())
}

export function compressed({ accept = 'gzip', method = 'GET', encoders = encodersOf(), compression = {} }: Asked = {}) {
  const exchange = new MemoryExchange(method, accept === '' ? [] : ['accept-encoding', accept])
  addFilter(exchange, compressionFilter({ ...COMPRESSION, ...compression }, encoders))
  const over = new Promise<void>(resolve => exchange.onClosed(resolve))
  return { exchange, client: exchange.client, response: exchange.response, encoders, over }
}

export function html(...headers: HeaderLines): ResponseHead {
  return { status: 200, reason: '', headers: ['Content-Type', 'text/html; charset=utf-8', ...headers] }
}

/** `isPart`: the content may end anywhere. */
export function decoded(coding: Coding, content: Buffer, isPart = false): Buffer {
  switch (coding) {
    case 'gzip':
      return gunzipSync(content, isPart ? { finishFlush: constants.Z_SYNC_FLUSH } : {})
    case 'br':
      return brotliDecompressSync(content, isPart ? { finishFlush: constants.BROTLI_OPERATION_FLUSH } : {})
    case 'zstd':
      return zstdDecompressSync(content, isPart ? { finishFlush: constants.ZSTD_e_flush } : {})
  }
}

/** Text of so many bytes; every part of it is different. */
export function prose(length: number): Buffer {
  let text = ''
  for (let i = 0; text.length < length; i++)
    text += `<p id="p${i}">The shop has ${i * 7} pears, and ${i % 13} of them are ripe.</p>\n`
  return Buffer.from(text.slice(0, length))
}
