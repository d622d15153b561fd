/** Header blocks of HTTP/2, against the Python package `hpack`: each reads what the other wrote, and what neither wrote. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { HpackDecoder } from '../../../src/http2/hpack/decoder.ts'
import { HpackEncoder, roomFor } from '../../../src/http2/hpack/encoder.ts'
import { HpackError } from '../../../src/http2/hpack/errors.ts'
import { decodeAll } from '../../../src/http2/hpack/testing/blocks.ts'
import { ensureEnvironment, whyNoPython } from '../../support/environments/environments.ts'
import { ROOT } from '../../support/paths.ts'

const skip = await whyNoPython()

type Field = [name: string, value: string, isSensitive: boolean]
type Step<Block> = [sizes: number[], block: Block]

const name = fc.oneof(
  fc.constantFrom(':path', ':status', 'content-type', 'cookie', 'x-a', 'x-b', 'etag'),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/),
)
const value = fc.oneof(
  fc.constantFrom('', '/', '200', 'gzip, deflate', 'text/html', 'y'.repeat(127), 'z'.repeat(300)),
  fc.uint8Array({ maxLength: 30 }).map(bytes => Buffer.from(bytes).toString('latin1')),
)
const fields = fc.array(fc.tuple(name, value, fc.boolean()), { minLength: 1, maxLength: 8 })
/** Ascending: of limits that are lowered twice hpack tells the first one too, and of two equal ones none. Neither is allowed. */
const sizes = fc.oneof(
  { weight: 4, arbitrary: fc.constant<number[]>([]) },
  { weight: 1, arbitrary: fc.uniqueArray(fc.nat(400), { maxLength: 2 }).map(both => both.sort((a, b) => a - b)) },
)
const connections = fc.sample(fc.array(fc.tuple(sizes, fields), { minLength: 1, maxLength: 15 }), 300)

async function ask<Answer>(way: 'encode' | 'decode', steps: readonly Step<unknown>[][]): Promise<Answer[][]> {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'http2' })
  const { stdout, stderr, status } = spawnSync(python, ['-I', join(ROOT, 'test/support/hpack_peer.py')], {
    input: JSON.stringify(steps.map(one => [way, one])),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

function pairs(fields: readonly Field[]): [string, string][] {
  return fields.map(([name, value]) => [name, value])
}

function read(decoder: HpackDecoder, hex: string): Field[] {
  return decodeAll(decoder, Buffer.from(hex, 'hex')).map(({ name, value, isSensitive }) => [name, value, isSensitive])
}

test('we read what hpack writes (RFC7541)', { skip }, async () => {
  const blocks = await ask<string>('encode', connections)
  let sensitive = 0
  for (const [i, steps] of connections.entries()) {
    const decoder = new HpackDecoder(4096)
    for (const [j, [sizes, fields]] of steps.entries()) {
      for (const size of sizes) decoder.setMaxTableSize(size)
      const got = read(decoder, blocks[i]![j]!)
      assert.deepEqual(pairs(got), pairs(fields))
      // A sensitive field that a table has by chance is indexed by hpack.
      for (const [k, field] of got.entries()) {
        if (field[2]) sensitive++
        assert.ok(!field[2] || fields[k]![2])
      }
    }
  }
  assert.ok(sensitive > 100)
})

test('hpack reads what we write (RFC7541)', { skip }, async () => {
  const steps = connections.map(steps => {
    const encoder = new HpackEncoder(4096)
    return steps.map(([sizes, fields]): Step<string> => {
      for (const size of sizes) encoder.setPeerTableSize(size)
      const lines = pairs(fields).flat()
      const into = Buffer.alloc(roomFor(lines))
      return [sizes, into.subarray(0, encoder.encode(200, lines, into, 0)).toString('hex')]
    })
  })
  const answers = await ask<Field[]>('decode', steps)
  for (const [i, steps] of connections.entries()) {
    const expected = steps.map(([, fields]) => [[':status', '200'], ...pairs(fields)])
    assert.deepEqual(answers[i]!.map(pairs), expected)
  }
})

test('of broken blocks we read what hpack reads, and refuse more for reasons that it does not know', {
  skip,
}, async () => {
  const good = await ask<string>('encode', connections)
  const flips = fc.sample(fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }), good.length)
  const broken = good.map((blocks, i) =>
    blocks.map((block, j): Step<string> => {
      const bytes = Buffer.from(block, 'hex')
      // The last block of a connection is broken: behind it the tables may differ.
      if (j === blocks.length - 1) for (const [place, mask] of flips[i]!) bytes[place % bytes.length]! ^= mask
      return [connections[i]![j]![0], bytes.toString('hex')]
    }),
  )
  const answers = await ask<Field[] | null>('decode', broken)
  let refused = 0
  for (const [i, steps] of broken.entries()) {
    const decoder = new HpackDecoder(4096)
    for (const [j, [sizes, block]] of steps.entries()) {
      for (const size of sizes) decoder.setMaxTableSize(size)
      try {
        assert.deepEqual(read(decoder, block), answers[i]![j], block)
      } catch (error) {
        if (!(error instanceof HpackError)) throw error
        refused++
        if (answers[i]![j] !== null)
          assert.match(error.message, /more than (6 bytes|two of them)|larger than|must first make/, block)
        break
      }
    }
  }
  assert.ok(refused > 50)
})
