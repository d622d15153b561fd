/** Cutting the bytes of frames anywhere changes nothing. Pausing changes nothing either. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { MemoryBudget } from '../base/memory-budget.ts'
import { BINARY, Client, closeFrame, frame, PING, PONG, TEXT } from './testing/client.ts'

const RUNS = 150
const OFFER = 'permessage-deflate'

/** A compressed payload, without the last four bytes, which are an empty block (RFC7692§7.2.1). */
function deflated(data: Buffer): Buffer {
  return deflateRawSync(data, { finishFlush: 2 }).subarray(0, -4)
}

const payload = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }).map(text => Buffer.from(text)),
  fc.nat({ max: 30_000 }).map(size => Buffer.alloc(size, 'jumak ')),
)

/** One message, perhaps in fragments with control frames between them, perhaps compressed. */
const message = fc
  .record({
    data: payload,
    compressed: fc.boolean(),
    cuts: fc.array(fc.nat({ max: 1000 }), { maxLength: 3 }),
    between: fc.constantFrom(null, PING, PONG),
  })
  .map(({ data, compressed, cuts, between }) => {
    const bytes = compressed ? deflated(data) : data
    const ends = [...cuts.map(cut => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
    let begin = 0
    const frames = ends.map((end, i) => {
      const part = bytes.subarray(begin, end)
      begin = end
      return frame(i === 0 ? TEXT : 0, part, { fin: i === ends.length - 1, rsv: i === 0 && compressed ? 4 : 0 })
    })
    return Buffer.concat(
      between === null ? frames : frames.flatMap((one, i) => (i === 0 ? [one] : [frame(between, 'x'), one])),
    )
  })

const last = fc.constantFrom(
  closeFrame(1000, 'bye'),
  closeFrame(),
  frame(BINARY, 'a', { masked: false }),
  frame(0, 'a'),
  frame(TEXT, Buffer.from([0xff])),
  frame(TEXT, 'not deflated', { rsv: 4 }),
)

interface Outcome {
  readonly events: readonly string[]
  readonly sent: readonly string[]
}

/** Pushes the pieces, and ends the stream right after them, while a message may still be inflated. */
async function outcome(pieces: readonly Buffer[], pausing: boolean): Promise<Outcome> {
  const memory = new MemoryBudget()
  const client: Client = new Client({
    extensions: OFFER,
    memory,
    ...(pausing && {
      onPiece: () => {
        client.socket.pause()
        setImmediate(() => client.socket.resume())
      },
    }),
  })
  for (const piece of pieces) client.receive(piece)
  client.transport.halfClose()
  while (!client.socket.isClosed) await client.told(client.events.length + 1)
  assert.deepEqual([memory.used, memory.accounts], [0, 0], 'nothing is held of what is over')
  return { events: client.events, sent: await client.sent() }
}

test('any frames, cut anywhere, paused or not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { maxLength: 6 }),
      last,
      fc.array(fc.nat({ max: 20_000 }), { maxLength: 8 }),
      fc.boolean(),
      async (messages, end, sizes, pausing) => {
        const all = Buffer.concat([...messages, end])
        const pieces: Buffer[] = []
        let at = 0
        for (const size of sizes) {
          pieces.push(all.subarray(at, at + size))
          at += size
        }
        pieces.push(all.subarray(at))
        const whole = await outcome([all], false)
        assert.equal(whole.events.filter(event => event.startsWith('closed')).length, 1)
        assert.deepEqual(await outcome(pieces, pausing), whole)
      },
    ),
    { numRuns: RUNS },
  )
})

test('any bytes: one end, and frames that a server may send', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async bytes => {
      const { events } = await outcome([Buffer.from(bytes)], false)
      assert.equal(events.filter(event => event.startsWith('closed')).length, 1)
    }),
    { numRuns: RUNS },
  )
})
