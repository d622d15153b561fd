/** Files as content: read piece by piece, at the client's speed, whatever the client does meanwhile. */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import type { Exchange } from '../http/exchange.ts'
import { connect, contentOf, PLAIN, type Setup, tick } from './testing/connect.ts'
import {
  get,
  headers,
  requestFields,
  reset,
  type ServerFrame,
  Setting,
  settings,
  windowUpdate,
} from './testing/frames.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-http2-'))
after(() => rmSync(directory, { recursive: true }))
/** Each part of it is another. */
const CONTENT = Buffer.from(Uint32Array.from({ length: 400_000 }, (_, i) => i).buffer)
const PATH = join(directory, 'file')
writeFileSync(PATH, CONTENT)

interface Sent {
  readonly results: (Error | null)[]
  readonly done: Promise<void>
}

/** Ends the response when the file is read. */
function send({ response }: Exchange, offset: number, length: number): Sent {
  const fd = openSync(PATH, 'r')
  const results: (Error | null)[] = []
  if (response.state === 'idle') response.start({ ...PLAIN, headers: ['Content-Length', String(length)] })
  const done = new Promise<void>(resolve => {
    response.sendFile(fd, offset, length, error => {
      results.push(error)
      closeSync(fd)
      response.end()
      resolve()
    })
  })
  return { results, done }
}

/** Opens windows until the stream has ended. */
async function receive({ client }: Setup, stream: number, step: number): Promise<ServerFrame[]> {
  const frames: ServerFrame[] = []
  while (!frames.some(frame => frame.stream === stream && frame.type === 0 && (frame.flags & 1) !== 0)) {
    client.send(windowUpdate(stream, step))
    frames.push(...(await client.frames()))
  }
  return frames
}

const OPEN = windowUpdate(0, 100_000_000)

test('a part of a file, as fast as the client takes it', async () => {
  const setup = connect()
  setup.client.send(OPEN, settings([Setting.INITIAL_WINDOW_SIZE, 10_000_000]), get(1))
  const { done, results } = send(setup.exchanges[0]!, 10, 1_500_005)
  await done
  const content = contentOf(await setup.client.frames(), 1)
  assert.ok(content.equals(CONTENT.subarray(10, 1_500_015)))
  assert.deepEqual([results, setup.closed()], [[null], [1]])
})

for (const step of [9973, 60_000, 131_072])
  test(`a client whose window opens by ${step} bytes gets what is in the file`, async () => {
    const setup = connect()
    setup.client.send(OPEN, get(1))
    const { results } = send(setup.exchanges[0]!, 0, 1_400_000)
    const content = contentOf(await receive(setup, 1, step), 1)
    assert.ok(content.equals(CONTENT.subarray(0, 1_400_000)))
    assert.deepEqual([results, setup.closed()], [[null], [1]])
  })

test('what a slow client has not taken of a file is not overwritten by the next file', async () => {
  const setup = connect()
  // The file fits into a buffer that is kept for the next one.
  setup.client.send(OPEN, settings([Setting.INITIAL_WINDOW_SIZE, 90_000]), get(1), get(3))
  const first = send(setup.exchanges[0]!, 0, 100_000)
  const frames = await until(setup, all => contentOf(all, 1).length === 90_000)
  setup.client.send(windowUpdate(3, 100_000))
  const second = send(setup.exchanges[1]!, 1_000_000, 100_000)
  await second.done
  frames.push(...(await receive(setup, 1, 1000)))
  await first.done
  assert.ok(contentOf(frames, 1).equals(CONTENT.subarray(0, 100_000)))
  assert.ok(contentOf(frames, 3).equals(CONTENT.subarray(1_000_000, 1_100_000)))
})

async function until({ client }: Setup, isDone: (all: ServerFrame[]) => boolean): Promise<ServerFrame[]> {
  const frames: ServerFrame[] = []
  while (!isDone(frames)) frames.push(...(await client.frames()))
  return frames
}

test('a client whose connection takes nothing for a while gets what is in the file', async () => {
  const setup = connect()
  const { client, transport, exchanges } = setup
  client.send(OPEN, settings([Setting.INITIAL_WINDOW_SIZE, 10_000_000]), get(1))
  const { results } = send(exchanges[0]!, 0, 1_400_000)
  const frames: ServerFrame[] = []
  transport.reading = false
  while (results.length === 0) {
    frames.push(...(await client.frames()))
    transport.pendingBytes = 0
    transport.handler.onDrain()
  }
  transport.drain()
  frames.push(...(await client.frames()))
  assert.ok(contentOf(frames, 1).equals(CONTENT.subarray(0, 1_400_000)))
})

for (const [name, leave] of [
  ['resets the stream while a read is on its way', ({ client }: Setup) => client.send(reset(1))],
  ['leaves while a read is on its way', ({ transport }: Setup) => transport.leave()],
  ['is aborted by its handler', ({ exchanges }: Setup) => exchanges[0]!.response.abort(new Error('no'))],
  ['breaks the connection', ({ client }: Setup) => client.send(windowUpdate(0, 0))],
] as const)
  for (const waits of [false, true])
    test(`a client that ${name}${waits ? ', and the window is closed' : ''}: called back once, and nothing is kept`, async () => {
      const memory = new MemoryBudget()
      const setup = connect(() => {}, { memory })
      setup.client.send(get(1))
      const { results, done } = send(setup.exchanges[0]!, 0, 1_400_000)
      if (waits) await until(setup, all => contentOf(all, 1).length === 65_535)
      leave(setup)
      await done
      await tick()
      assert.deepEqual([results.length, results[0] instanceof Error, setup.closed()], [1, true, [1]])
      setup.transport.leave()
      await tick()
      assert.equal(memory.used, 0)
    })

test('a file for HEAD is not read', async () => {
  const setup = connect()
  setup.client.send(headers(1, requestFields('HEAD', '/')))
  const { results, done } = send(setup.exchanges[0]!, 0, 1_400_000)
  await done
  assert.deepEqual(results, [null])
  assert.deepEqual(await setup.client.said(), ['HEADERS 1 :status=200 content-length=1400000 end'])
})

test('a file that is shorter than it was: the response is cut', async () => {
  const setup = connect()
  setup.client.send(OPEN, settings([Setting.INITIAL_WINDOW_SIZE, 10_000_000]), get(1))
  const { results, done } = send(setup.exchanges[0]!, 0, 1_700_000)
  await done
  assert.match(results[0]!.message, /up to byte 1600000 of 1700000/)
  assert.equal((await setup.client.said()).at(-1), 'RST_STREAM 1 INTERNAL_ERROR')
})
