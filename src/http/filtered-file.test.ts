/** A file on its way through a filter: whatever source, filter and client do in whatever order, its caller is told once, and may close it. */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { addFilter } from './filtered-response.ts'
import type { ContentOutput } from './response-filter.ts'
import { MemoryExchange } from './testing/memory-response.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-filter-'))
const path = join(directory, 'file')
/** Four pieces. */
const SIZE = 256 * 1024
writeFileSync(path, Buffer.alloc(SIZE))
after(() => rmSync(directory, { recursive: true }))

/** What a filter may do: in its call for a piece, or between calls. */
const FILTER: Readonly<Record<string, (out: ContentOutput) => unknown>> = {
  write: out => out.write(Buffer.from('x')),
  pause: out => out.pause(),
  resume: out => out.resume(),
  abort: out => out.abort(new Error('cannot compress')),
}
const OTHERS: Readonly<Record<string, (exchange: MemoryExchange) => unknown>> = {
  'the client is slow': ({ client }) => {
    client.accepts = () => false
  },
  'the client takes': ({ client }) => {
    client.accepts = () => true
    client.drain()
  },
  'the client leaves': exchange => exchange.leave(),
  'the source gives up': ({ response }) => response.abort(new Error('the worker died')),
  'the source ends': ({ response }) => response.end(),
  'a while passes': () => new Promise(resolve => setTimeout(resolve, 1)),
  'a turn passes': () => new Promise(setImmediate),
}

test('whatever happens, the caller of sendFile is told once and the filter is closed once', async () => {
  const within = fc.array(fc.constantFrom(...Object.keys(FILTER)), { maxLength: 3 })
  const between = fc.constantFrom(...Object.keys(FILTER), ...Object.keys(OTHERS), 'a turn passes', 'a while passes')
  await fc.assert(
    fc.asyncProperty(
      fc.array(within, { maxLength: 4 }),
      fc.array(between, { maxLength: 10 }),
      async (calls, actions) => {
        const exchange = new MemoryExchange()
        let out: ContentOutput | null = null
        let [told, closed, pieces] = [0, 0, 0]
        addFilter(exchange, head => ({
          head,
          content: output => {
            out = output
            return {
              data() {
                for (const call of calls[pieces++] ?? []) FILTER[call]!(output)
              },
              end() {},
              onDrain() {},
              close: () => closed++,
            }
          },
        }))
        exchange.response.start({ status: 200, reason: '', headers: [] })
        const fd = openSync(path, 'r')
        const sent = new Promise<void>(resolve => {
          exchange.response.sendFile(fd, 0, SIZE, () => {
            told++
            resolve()
          })
        })
        for (const action of actions) {
          FILTER[action]?.(out!)
          await OTHERS[action]?.(exchange)
        }
        exchange.leave()
        await sent
        closeSync(fd)
        await new Promise(setImmediate)
        assert.deepEqual([told, closed], [1, 1])
      },
    ),
    { numRuns: 500 },
  )
})
