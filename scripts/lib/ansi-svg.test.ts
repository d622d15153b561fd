import assert from 'node:assert/strict'
import { test } from 'node:test'
import { terminalSvg } from './ansi-svg.ts'

const texts = (shown: string) =>
  [...terminalSvg(shown, 'a title').matchAll(/<text x="([\d.]+)" y="(\d+)" fill="([^"]+)"([^>]*)>([^<]*)</g)].map(
    ([, x, y, fill, more, text]) => [Number(x), Number(y), fill, /600/.test(more!), text],
  )

test('each run of one colour stands in its columns', () => {
  const [first, second, third] = texts('\x1b[1mJumak\x1b[22m  \x1b[32mready\x1b[39m\r\n   a < b\r\n')
  assert.deepEqual(first, [16, 44, '#d7dae0', true, 'Jumak'])
  assert.deepEqual(second, [74.8, 44, '#8ddb8c', false, 'ready'])
  assert.deepEqual(third, [41.2, 63, '#d7dae0', false, 'a &lt; b'])
})

test('a colour lasts until it is taken back, other control sequences are left out', () => {
  assert.deepEqual(
    texts('\x1b[2mdim\nstill\x1b[0m not\x1b[K\x1b[?25l').map(([, , fill, , text]) => [text, fill]),
    [
      ['dim', '#8a919e'],
      ['still', '#8a919e'],
      ['not', '#d7dae0'],
    ],
  )
})
