/** The examples of RFC7541§C: blocks, their fields, and the table after each of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HpackDecoder } from './decoder.ts'
import { HpackError } from './errors.ts'
import { decodeAll, indexed, pairs } from './testing/blocks.ts'

interface Block {
  readonly hex: string
  readonly fields: readonly [string, string][]
  /** Octets, and indexes from 62 on. */
  readonly size: number
  readonly table: readonly [string, string][]
}

function run(maxTableSize: number, blocks: readonly Block[]): void {
  const decoder = new HpackDecoder(4096)
  decoder.setMaxTableSize(maxTableSize)
  if (maxTableSize < 4096) decodeAll(decoder, Buffer.from('3fe101', 'hex'))
  for (const { hex, fields, size, table } of blocks) {
    const decoded = decodeAll(decoder, Buffer.from(hex.replaceAll(' ', ''), 'hex'))
    assert.deepEqual(pairs(decoded), fields)
    assert.ok(decoded.every(field => field.isValid))
    const entries = table.flatMap((_, i) => pairs(decodeAll(decoder, indexed(62 + i))))
    assert.deepEqual(entries, table)
    assert.throws(() => decodeAll(decoder, indexed(62 + table.length)), HpackError)
    assert.equal(
      entries.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0),
      size,
    )
  }
}

test('RFC7541§C.2.1: a literal with indexing', () => {
  const field: [string, string] = ['custom-key', 'custom-header']
  run(4096, [
    {
      hex: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      fields: [field],
      size: 55,
      table: [field],
    },
  ])
})

test('RFC7541§C.2.2: a literal without indexing', () => {
  run(4096, [{ hex: '040c 2f73 616d 706c 652f 7061 7468', fields: [[':path', '/sample/path']], size: 0, table: [] }])
})

test('RFC7541§C.2.3: a literal that is never indexed', () => {
  const hex = '1008 7061 7373 776f 7264 0673 6563 7265 74'
  run(4096, [{ hex, fields: [['password', 'secret']], size: 0, table: [] }])
  const [field] = decodeAll(new HpackDecoder(4096), Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  assert.equal(field!.isSensitive, true)
})

test('RFC7541§C.2.4: an indexed field', () => {
  run(4096, [{ hex: '82', fields: [[':method', 'GET']], size: 0, table: [] }])
})

test('RFC7541§C.3: requests without Huffman coding', () => {
  run(4096, [
    {
      hex: '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      fields: [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'www.example.com'],
      ],
      size: 57,
      table: [[':authority', 'www.example.com']],
    },
    {
      hex: '8286 84be 5808 6e6f 2d63 6163 6865',
      fields: [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'www.example.com'],
        ['cache-control', 'no-cache'],
      ],
      size: 110,
      table: [
        ['cache-control', 'no-cache'],
        [':authority', 'www.example.com'],
      ],
    },
    {
      hex: '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      fields: [
        [':method', 'GET'],
        [':scheme', 'https'],
        [':path', '/index.html'],
        [':authority', 'www.example.com'],
        ['custom-key', 'custom-value'],
      ],
      size: 164,
      table: [
        ['custom-key', 'custom-value'],
        ['cache-control', 'no-cache'],
        [':authority', 'www.example.com'],
      ],
    },
  ])
})

test('RFC7541§C.4: requests with Huffman coding', () => {
  run(4096, [
    {
      hex: '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      fields: [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'www.example.com'],
      ],
      size: 57,
      table: [[':authority', 'www.example.com']],
    },
    {
      hex: '8286 84be 5886 a8eb 1064 9cbf',
      fields: [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'www.example.com'],
        ['cache-control', 'no-cache'],
      ],
      size: 110,
      table: [
        ['cache-control', 'no-cache'],
        [':authority', 'www.example.com'],
      ],
    },
    {
      hex: '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      fields: [
        [':method', 'GET'],
        [':scheme', 'https'],
        [':path', '/index.html'],
        [':authority', 'www.example.com'],
        ['custom-key', 'custom-value'],
      ],
      size: 164,
      table: [
        ['custom-key', 'custom-value'],
        ['cache-control', 'no-cache'],
        [':authority', 'www.example.com'],
      ],
    },
  ])
})

test('RFC7541§C.5: responses without Huffman coding, in a table of 256 octets', () => {
  run(256, [
    {
      hex: '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      fields: [
        [':status', '302'],
        ['cache-control', 'private'],
        ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
        ['location', 'https://www.example.com'],
      ],
      size: 222,
      table: [
        ['location', 'https://www.example.com'],
        ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
        ['cache-control', 'private'],
        [':status', '302'],
      ],
    },
    {
      hex: '4803 3330 37c1 c0bf',
      fields: [
        [':status', '307'],
        ['cache-control', 'private'],
        ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
        ['location', 'https://www.example.com'],
      ],
      size: 222,
      table: [
        [':status', '307'],
        ['location', 'https://www.example.com'],
        ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
        ['cache-control', 'private'],
      ],
    },
    {
      hex: '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      fields: [
        [':status', '200'],
        ['cache-control', 'private'],
        ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
        ['location', 'https://www.example.com'],
        ['content-encoding', 'gzip'],
        ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
      ],
      size: 215,
      table: [
        ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
        ['content-encoding', 'gzip'],
        ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
      ],
    },
  ])
})

test('RFC7541§C.6: responses with Huffman coding, in a table of 256 octets', () => {
  run(256, [
    {
      hex: '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      fields: [
        [':status', '302'],
        ['cache-control', 'private'],
        ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
        ['location', 'https://www.example.com'],
      ],
      size: 222,
      table: [
        ['location', 'https://www.example.com'],
        ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
        ['cache-control', 'private'],
        [':status', '302'],
      ],
    },
    {
      hex: '4883 640e ffc1 c0bf',
      fields: [
        [':status', '307'],
        ['cache-control', 'private'],
        ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
        ['location', 'https://www.example.com'],
      ],
      size: 222,
      table: [
        [':status', '307'],
        ['location', 'https://www.example.com'],
        ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
        ['cache-control', 'private'],
      ],
    },
    {
      hex: '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      fields: [
        [':status', '200'],
        ['cache-control', 'private'],
        ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
        ['location', 'https://www.example.com'],
        ['content-encoding', 'gzip'],
        ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
      ],
      size: 215,
      table: [
        ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
        ['content-encoding', 'gzip'],
        ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
      ],
    },
  ])
})
