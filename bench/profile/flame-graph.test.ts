import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flameGraph } from './flame-graph.ts'
import { LAYERS, samplesByLayer } from './layers.ts'
import { parseCollapsed } from './stacks.ts'

const GATEWAY =
  parseCollapsed(`onStreamRead (node:internal/stream_base_commons:171);#advance (src/http1/connection.ts:154) 25
onStreamRead (node:internal/stream_base_commons:171);#read (src/apps/wsgi/link.ts:187) 10
onStreamRead (node:internal/stream_base_commons:171);#read (src/apps/wsgi/link.ts:187);writeBuffer (native) 40
(garbage collector) 20
<module> "&" (src/gateway/main.ts:1) 5
`)

interface Drawn {
  readonly x: string
  readonly row: number
  readonly width: string
  readonly hover: string
  readonly colour: string
  readonly text: string
  readonly isNarrow: boolean
}

const FRAME =
  /<svg class="frame( narrow)?" x="([\d.]+)%" y="(\d+)" width="([\d.]+)%" height="(\d+)"><title>([^<]*)<\/title><rect [^>]*fill="(#\w+)"\/><text [^>]*>([^<]*)<\/text><\/svg>/g

function framesOf(svg: string): Drawn[] {
  const all = [...svg.matchAll(FRAME)]
  const top = Math.min(...all.map(([, , , y]) => Number(y)))
  return all.map(([, narrow, x, y, width, height, hover, colour, text]) => ({
    ...{ x: x!, width: width!, hover: hover!, colour: colour!, text: text! },
    row: (Number(y) - top) / Number(height),
    isNarrow: narrow !== undefined,
  }))
}

const colourOf = (name: string) => LAYERS.find(layer => layer.name === name)!.colour

test('each frame is as wide as its share, lies under its caller, and has the colour of its layer', () => {
  const drawn = framesOf(flameGraph('gateway', '', GATEWAY)).map(
    ({ text, row, x, width, colour }) => [text.replace(/ .*/, ''), row, x, width, colour] as const,
  )
  assert.deepEqual(drawn, [
    ['onStreamRead', 0, '0.000', '75.000', colourOf('node')],
    ['#read', 1, '0.000', '50.000', colourOf('apps')],
    ['writeBuffer', 2, '0.000', '40.000', colourOf('native')],
    ['#advance', 1, '50.000', '25.000', colourOf('http1')],
    ['(garbage', 0, '75.000', '20.000', colourOf('garbage collector')],
    ['&lt;module&gt;', 0, '95.000', '5.000', colourOf('gateway')],
  ])
})

test('hovering shows the name, the share with what it calls, and its own', () => {
  const [, read] = framesOf(flameGraph('gateway', '', GATEWAY))
  assert.equal(read!.hover, '#read (src/apps/wsgi/link.ts:187)\n50.0 %, by itself 10.0 % (50 samples)')
})

test('what nobody could see is left out, and what is too narrow for text has none', () => {
  const drawn = framesOf(flameGraph('worker', '', parseCollapsed('a 9900\nb 99\nc 1\n')))
  assert.deepEqual(
    drawn.map(({ text, isNarrow }) => [text, isNarrow]),
    [
      ['a', false],
      ['b', true],
    ],
  )
})

test('no name breaks the picture', () => {
  const svg = flameGraph('<title> & "more"', ']]>', parseCollapsed('<a>"&\' 1\n'))
  assert.ok(svg.includes('&lt;title&gt; &amp; &quot;more&quot;'))
  assert.ok(svg.includes(`&lt;a&gt;&quot;&amp;'`))
  // Of all that is in the picture only the script's own end closes it.
  assert.equal(svg.split(']]>').length - 1, 1)
})

test('the legend tells how much time is in each layer itself', () => {
  const shares = samplesByLayer(GATEWAY).map(([layer, samples]) => [layer.name, samples])
  assert.deepEqual(shares, [
    ['native', 40],
    ['http1', 25],
    ['garbage collector', 20],
    ['apps', 10],
    ['gateway', 5],
  ])
  assert.ok(flameGraph('gateway', '', GATEWAY).includes('>garbage collector 20.0 %<'))
})

test('what the compiler and the garbage collector call in native code is theirs', () => {
  const stacks = parseCollapsed(`node-V8Worker (thread);v8::internal::compiler::Type::SlowIs (native);memcpy (native) 2
node-MainThread (thread);v8::internal::Heap::CollectGarbage (native);v8::base::Mutex::Lock (native) 3
node-MainThread (thread);v8::internal::Scavenger::Process (native);page_fault (kernel) 1
`)
  const shares = samplesByLayer(stacks).map(([layer, samples]) => [layer.name, samples])
  assert.deepEqual(shares, [
    ['garbage collector', 3],
    ['compiler', 2],
    ['kernel', 1],
  ])
})
