/** `test/vectors/wire.json` is read by this test and by a test in Python. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { applicationRoot } from '../../http/application-root.ts'
import type { RequestHead, ResponseHead } from '../../http/exchange.ts'
import { FakeExchange } from '../testing/fake-exchange.ts'
import { readEnviron } from '../testing/fake-worker.ts'
import { WorkerDecoder } from './decode.ts'
import { encodeBodyEnd, encodeFileOpened, encodeHello, frameHeader, writeRequest } from './encode.ts'
import { FrameWriter } from './frame-writer.ts'
import { FRAME_HEADER, FrameType } from './frames.ts'
import { WireViolation } from './violation.ts'

interface Frame {
  readonly type: keyof typeof FrameType
  readonly [field: string]: unknown
}

interface Vector {
  readonly name: string
  readonly from: 'gateway' | 'worker'
  readonly hex: string
  readonly frames?: readonly Frame[]
  readonly refused?: true
  readonly request?: RequestHead
  readonly bodyLength?: number
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../../test/vectors/wire.json', import.meta.url), 'utf8'),
)
const fromGateway = vectors.filter(({ from }) => from === 'gateway')
const fromWorker = vectors.filter(({ from }) => from === 'worker')

function encode(frame: Frame, vector: Vector): Buffer {
  switch (frame.type) {
    case 'HELLO':
      return encodeHello((frame['hello'] as { build: string }).build)
    case 'REQUEST': {
      const writer = new FrameWriter()
      const body = frame['body'] === null ? null : Buffer.from(frame['body'] as string, 'hex').toString('latin1')
      const exchange = new FakeExchange({ ...vector.request!, body: Buffer.alloc(vector.bodyLength!) })
      exchange.id = 'r-1'
      const isHandshake = frame['handshake'] === true
      writeRequest(writer, exchange, body, vector.bodyLength!, applicationRoot('', ''), isHandshake)
      return Buffer.from(writer.bytes())
    }
    case 'BODY': {
      const data = Buffer.from(frame['data'] as string, 'hex')
      return Buffer.concat([frameHeader(FrameType.BODY, data.length), data])
    }
    case 'BODY_END':
      return encodeBodyEnd()
    case 'FILE_OPENED':
      return encodeFileOpened(frame['opened'] as boolean)
    default:
      throw new Error(`the gateway sends no ${frame.type}`)
  }
}

for (const vector of fromGateway) {
  test(`gateway: ${vector.name}`, () => {
    assert.equal(Buffer.concat(vector.frames!.map(frame => encode(frame, vector))).toString('hex'), vector.hex)
    if (vector.request === undefined) return
    const bytes = Buffer.from(vector.hex, 'hex')
    const environ = readEnviron(bytes.subarray(FRAME_HEADER + 1))
    assert.deepEqual(Object.fromEntries(environ), vector.frames![0]!['environ'])
  })
}

/** Without `comesAgain`, which depends on what was decoded before. */
function withoutMark({ status, reason, headers }: ResponseHead) {
  return { status, reason, headers }
}

/** The calls that the bytes make, cut at the given places, in the words of the vectors. */
function decode(bytes: Buffer, cuts: readonly number[]): Frame[] {
  const frames: Frame[] = []
  const decoder = new WorkerDecoder({
    onHello: hello => frames.push({ type: 'HELLO', hello }),
    onResponse: (head, body, end, runMicros) =>
      frames.push({
        type: 'RESPONSE',
        ...withoutMark(head),
        body: body.toString('hex'),
        end,
        runMicros: end ? runMicros : 50,
      }),
    // Content comes in pieces, wherever its frames begin.
    onChunk: data => {
      const last = frames.at(-1)
      const before = last?.type === 'CHUNK' ? `${frames.pop()!['data']}` : ''
      frames.push({ type: 'CHUNK', data: before + data.toString('hex') })
    },
    onEnd: runMicros => frames.push({ type: 'END', runMicros }),
    onFile: file => frames.push({ type: 'FILE', ...file, device: `${file.device}`, inode: `${file.inode}` }),
    onInform: head => frames.push({ type: 'INFORM', ...withoutMark(head) }),
    onFailed: (reason, runMicros) => frames.push({ type: 'FAILED', runMicros, reason }),
    onTaken: waits => frames.push({ type: 'TAKEN', flags: Number(waits), raw: '' }),
    onRaw: bytes => {
      const taken = frames.at(-1) as unknown as { raw: string }
      taken.raw += bytes.toString('hex')
    },
  })
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    // The buffer is overwritten, so the decoder must not have kept a part of it.
    const shared = Buffer.from(bytes.subarray(from, cut))
    decoder.push(shared)
    shared.fill(0xee)
    from = cut
  }
  return frames
}

const cutsOf = (bytes: Buffer) =>
  fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 12 }).map(cuts => cuts.sort((a, b) => a - b))

for (const vector of fromWorker) {
  test(`worker: ${vector.name}`, () => {
    const bytes = Buffer.from(vector.hex, 'hex')
    const everywhere = Array.from({ length: bytes.length }, (_, i) => i)
    if (vector.refused) {
      assert.throws(() => decode(bytes, []), WireViolation)
      assert.throws(() => decode(bytes, everywhere), WireViolation)
      return
    }
    assert.deepEqual(decode(bytes, []), vector.frames)
    assert.deepEqual(decode(bytes, everywhere), vector.frames)
    fc.assert(
      fc.property(cutsOf(bytes), cuts => assert.deepEqual(decode(bytes, cuts), vector.frames)),
      { numRuns: 20 },
    )
  })
}

test('whatever a worker sends, the decoder passes on valid heads or refuses, the same for every cutting', () => {
  const hello = Buffer.from(fromWorker[0]!.hex, 'hex')
  const outcome = (bytes: Buffer, cuts: readonly number[]): unknown => {
    try {
      return decode(bytes, cuts)
    } catch (error) {
      assert.ok(error instanceof WireViolation)
      return error.message
    }
  }
  const good = fromWorker.filter(({ refused }) => !refused).map(({ hex }) => Buffer.from(hex, 'hex'))
  const mutated = fc
    .tuple(fc.constantFrom(...good), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
    .map(([bytes, changes]) => {
      const copy = Buffer.from(bytes)
      for (const [at, value] of changes) copy[hello.length + (at % Math.max(1, copy.length - hello.length))] = value
      return copy
    })
  fc.assert(
    fc.property(
      mutated.chain(bytes => fc.tuple(fc.constant(bytes), cutsOf(bytes))),
      ([bytes, cuts]) => {
        assert.deepEqual(outcome(bytes, cuts), outcome(bytes, []))
      },
    ),
    { numRuns: 500 },
  )
})

test('a stopped decoder passes nothing on', () => {
  const two = fromWorker.find(({ name }) => name === 'two responses in one batch')!
  let responses = 0
  const nothing = () => {}
  const decoder: WorkerDecoder = new WorkerDecoder({
    onHello: nothing,
    onResponse: () => {
      responses++
      decoder.stop()
    },
    onChunk: nothing,
    onEnd: nothing,
    onFile: nothing,
    onInform: nothing,
    onFailed: nothing,
    onTaken: nothing,
    onRaw: nothing,
  })
  decoder.push(Buffer.from(two.hex, 'hex'))
  assert.equal(responses, 1)
})
