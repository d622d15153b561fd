/** What clients send, by section of RFC6455, and the result. Each case runs whole and byte by byte. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BINARY, CLOSE, Client, closeFrame, frame, PING, PONG, TEXT } from './testing/client.ts'

interface Case {
  readonly name: string
  readonly bytes: readonly Buffer[]
  /** What the application is told. */
  readonly told: readonly string[]
  /** What the client is sent. */
  readonly sent: readonly string[]
}

const first = { fin: false }
const EURO = Buffer.from('€')

function fails(name: string, code: number, why: string, ...bytes: Buffer[]): Case {
  const closed = `${code} ${JSON.stringify(why)}`
  // Bytes behind it are not looked at.
  return { name, bytes: [...bytes, frame(TEXT, 'more')], told: [`closed ${closed}`], sent: [`close ${closed}`] }
}

function closes(name: string, bytes: Buffer, told: string, sent: string): Case {
  return { name, bytes: [bytes, frame(TEXT, 'more')], told: [told], sent: [sent] }
}

function header(...bytes: number[]): Buffer {
  return Buffer.from(bytes)
}

const UNMASKED = 'a frame is not masked (RFC6455§5.1)'
const RESERVED = 'a reserved bit is set (RFC6455§5.2)'
const OPCODE = 'a frame has an opcode that is unknown or out of place (RFC6455§5.2, §5.4)'
const FRAGMENTED = 'a control frame is fragmented (RFC6455§5.5)'
const CONTROL_LENGTH = 'a control frame has an invalid length (RFC6455§5.5)'
const CODE = 'a close code may not be sent (RFC6455§7.4)'
const UTF8 = 'a text is not UTF-8 (RFC6455§8.1)'
const TOO_LARGE = 'a message is larger than 100000 bytes'

const CASES: readonly Case[] = [
  fails('RFC6455§5.1 an unmasked text', 1002, UNMASKED, frame(TEXT, 'a', { masked: false })),
  fails('RFC6455§5.1 an unmasked close', 1002, UNMASKED, frame(CLOSE, '', { masked: false })),
  fails('RFC6455§5.1 an unmasked ping', 1002, UNMASKED, frame(PING, '', { masked: false })),
  ...[1, 2, 4].map(rsv =>
    fails(`RFC6455§5.2 reserved bit ${rsv} without an extension`, 1002, RESERVED, frame(TEXT, 'a', { rsv })),
  ),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(opcode =>
    fails(`RFC6455§5.2 the opcode ${opcode} is unknown`, 1002, OPCODE, frame(opcode, 'a')),
  ),
  {
    name: 'RFC6455§5.2 lengths of 7, 16 and 64 bits',
    bytes: [0, 1, 125, 126, 65_535, 65_536].map(size => frame(BINARY, Buffer.alloc(size))),
    told: ['binary 0', 'binary 1', 'binary 125', 'binary 126', 'binary 65535', 'binary 65536'],
    sent: [],
  },
  fails(
    'RFC6455§5.2 the highest bit of a length of 64 bits',
    1009,
    TOO_LARGE,
    header(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0),
  ),
  fails('RFC6455§5.4 a continuation of nothing', 1002, OPCODE, frame(0, 'a')),
  fails('RFC6455§5.4 a message within a message', 1002, OPCODE, frame(TEXT, 'a', first), frame(TEXT, 'b')),
  {
    name: 'RFC6455§5.4 fragments, empty ones too, with a ping between them',
    bytes: [frame(TEXT, 'a', first), frame(0, '', first), frame(PING, 'now'), frame(0, 'b', first), frame(0, 'c')],
    told: ['text "abc"'],
    sent: ['pong "now"'],
  },
  {
    name: 'RFC6455§5.4 a character may be cut between fragments',
    bytes: [frame(TEXT, EURO.subarray(0, 1), first), frame(0, EURO.subarray(1))],
    told: ['text "€"'],
    sent: [],
  },
  ...[CLOSE, PING, PONG].map(opcode =>
    fails(`RFC6455§5.5 a fragmented control frame ${opcode}`, 1002, FRAGMENTED, frame(opcode, '', first)),
  ),
  ...[CLOSE, PING, PONG].map(opcode =>
    fails(`RFC6455§5.5 a control frame ${opcode} of 126 bytes`, 1002, CONTROL_LENGTH, frame(opcode, 'x'.repeat(126))),
  ),
  closes('RFC6455§5.5.1 a close without a code', closeFrame(), 'closed 1005 ""', 'close'),
  closes(
    'RFC6455§5.5.1 a close with code and reason',
    closeFrame(1000, 'bye €'),
    'closed 1000 "bye €"',
    'close 1000 ""',
  ),
  closes(
    'RFC6455§5.5.1 a reason of 123 bytes',
    closeFrame(1001, 'x'.repeat(123)),
    `closed 1001 "${'x'.repeat(123)}"`,
    'close 1001 ""',
  ),
  fails('RFC6455§5.5.1 half a code', 1002, CONTROL_LENGTH, frame(CLOSE, 'x')),
  fails('RFC6455§5.5.1 a reason that is not UTF-8', 1007, UTF8, frame(CLOSE, Buffer.from([3, 0xe8, 0xff]))),
  {
    name: 'RFC6455§5.5.2 a ping is answered with its data, also of 125 bytes',
    bytes: [frame(PING), frame(PING, 'x'.repeat(125))],
    told: [],
    sent: ['pong ""', `pong "${'x'.repeat(125)}"`],
  },
  { name: 'RFC6455§5.5.3 a pong that nobody asked for', bytes: [frame(PONG, 'x')], told: [], sent: [] },
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map(code =>
    closes(`RFC6455§7.4 a client may close with ${code}`, closeFrame(code), `closed ${code} ""`, `close ${code} ""`),
  ),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(code =>
    fails(`RFC6455§7.4 nobody may close with ${code}`, 1002, CODE, closeFrame(code)),
  ),
  ...Object.entries({
    'a byte that never occurs': [0xff],
    'an overlong slash': [0xc0, 0xaf],
    'a surrogate': [0xed, 0xa0, 0x80],
    'beyond the last character': [0xf4, 0x90, 0x80, 0x80],
    'half a character at the end': [0xe2, 0x82],
  }).map(([what, bytes]) => fails(`RFC6455§8.1 a text with ${what}`, 1007, UTF8, frame(TEXT, Buffer.from(bytes)))),
  {
    name: 'RFC6455§8.1 binary is any bytes',
    bytes: [frame(BINARY, Buffer.from([0xff, 0xc0]))],
    told: ['binary 2'],
    sent: [],
  },
  fails(
    'RFC6455§10.4 a frame above the limit, by its length alone',
    1009,
    TOO_LARGE,
    header(0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x86, 0xa1),
  ),
  fails(
    'RFC6455§10.4 fragments above the limit',
    1009,
    TOO_LARGE,
    frame(BINARY, Buffer.alloc(60_000), first),
    frame(0, Buffer.alloc(40_001)),
  ),
  {
    name: 'RFC6455§10.4 a message at the limit',
    bytes: [frame(BINARY, Buffer.alloc(60_000), first), frame(0, Buffer.alloc(40_000))],
    told: ['binary 100000'],
    sent: [],
  },
]

for (const { name, bytes, told, sent } of CASES) {
  describe(name, () => {
    const all = Buffer.concat(bytes)
    for (const [how, size] of [
      ['whole', all.length],
      ['byte by byte', 1],
    ] as const) {
      test(how, async () => {
        const client = new Client()
        for (let at = 0; at < all.length; at += size) client.receive(all.subarray(at, at + size))
        assert.deepEqual(await client.sent(), sent)
        assert.deepEqual(client.events, told)
        const isClosed = told.some(event => event.startsWith('closed'))
        assert.deepEqual(client.transport.calls, isClosed ? ['end'] : [])
      })
    }
  })
}

test('RFC6455§7.1.1 the server closes the stream; the client, when it sees that', async () => {
  const client = new Client()
  client.receive(closeFrame(1000))
  await client.sent()
  client.transport.halfClose()
  assert.deepEqual(client.transport.calls, ['end', 'destroy'])
  await client.told(2)
  assert.deepEqual([client.ended, client.events], [1, ['closed 1000 ""']])
})
