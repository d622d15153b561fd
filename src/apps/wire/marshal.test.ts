import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { MarshalWriter } from './marshal.ts'

const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)),
  maxLength: 300,
})

function marshal(entries: readonly (readonly [string, string])[]): Buffer {
  const writer = new MarshalWriter()
  writer.startDict()
  for (const [key, value] of entries) {
    writer.string(key)
    writer.string(value)
  }
  writer.endDict()
  return Buffer.from(writer.bytes())
}

/** What the three codes mean, read back in the plainest way. */
function unmarshal(bytes: Buffer): [string, string][] {
  let at = 1
  const string = () => {
    const code = String.fromCharCode(bytes[at]!)
    const size = code === 'z' ? 1 : 4
    const length = bytes.readUIntLE(at + 1, size)
    const start = at + 1 + size
    at = start + length
    if (code !== 'u') assert.ok(bytes.subarray(start, at).every(byte => byte < 128))
    return bytes.toString('utf8', start, at)
  }
  assert.equal(bytes[0], 0x7b)
  const entries: [string, string][] = []
  while (bytes[at] !== 0x30) entries.push([string(), string()])
  assert.equal(at, bytes.length - 1)
  return entries
}

test('short ASCII, long ASCII and other strings have the codes that every Python reads', () => {
  assert.equal(marshal([['a', 'bc']]).toString('latin1'), '{z\x01az\x02bc0')
  assert.equal(marshal([['', 'x'.repeat(17)]]).toString('latin1'), `{z\0a\x11\0\0\0${'x'.repeat(17)}0`)
  assert.equal(marshal([['k', 'é']]).toString('latin1'), '{z\x01ku\x02\0\0\0\xc3\xa90')
})

test('any strings of latin-1 characters are read back as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(latin1, latin1), { maxLength: 20 }), entries => {
      assert.deepEqual(unmarshal(marshal(entries)), entries)
    }),
  )
})

test('a writer grows for one large value, and gives the room back at the next start', () => {
  const writer = new MarshalWriter()
  writer.string('x'.repeat(2_000_000))
  assert.ok(writer.buffer.length > 2_000_000)
  writer.start()
  assert.ok(writer.buffer.length < 100_000)
  assert.equal(writer.bytes().length, 0)
})

const python = spawnSync('python3', ['--version']).status === 0

test('Python loads the same dict', { skip: python ? false : 'no python3' }, () => {
  const entries: [string, string][] = [
    ['PATH_INFO', '/caf\xc3\xa9'],
    ['QUERY_STRING', ''],
    ['HTTP_USER_AGENT', 'Mozilla/5.0 '.repeat(30)],
    ['HTTP_X', 'schön \xff\x80'],
    ['NUL', 'a\0b'],
  ]
  const script = 'import sys,marshal,json;print(json.dumps(marshal.loads(sys.stdin.buffer.read())))'
  const result = spawnSync('python3', ['-c', script], { input: marshal(entries), encoding: 'utf8' })
  assert.deepEqual(JSON.parse(result.stdout), Object.fromEntries(entries))
})
