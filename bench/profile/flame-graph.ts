/**
 * Draws sampled stacks as one SVG that a browser shows by itself: the callers above, who they call below them, as wide as their
 * share. Coloured by layer, with the share of each. A click on a frame widens it, a click on the title shows all again, and what
 * is typed after `/` is marked; without scripts it is still the whole picture. It loads nothing.
 *
 * Widths are percents of the window. Each frame is an inner <svg>, which cuts its text off at its edge.
 */
import { type Layer, layerOf, samplesByLayer } from './layers.ts'
import { type Stacks, samplesIn } from './stacks.ts'

const ROW = 18
const TOP = 78
/** Narrower frames are left out, with what they call: nobody could see them. */
const LEAST_SHARE = 0.0005
/** Narrower ones show no text until they are widened. */
const TEXT_PERCENT = 1.2

interface Frame {
  readonly name: string
  readonly layer: Layer | null
  samples: number
  own: number
  readonly callees: Map<string, Frame>
}

export function flameGraph(title: string, note: string, stacks: Stacks): string {
  const all = samplesIn(stacks)
  const root = treeOf(stacks)
  const frames: string[] = []
  let depth = 0
  const draw = (parent: Frame, row: number, from: number) => {
    depth = Math.max(depth, row)
    let at = from
    for (const callee of [...parent.callees.values()].sort((a, b) => b.samples - a.samples)) {
      if (callee.samples < all * LEAST_SHARE) continue
      frames.push(drawFrame(callee, row, (at / all) * 100, all))
      draw(callee, row + 1, at)
      at += callee.samples
    }
  }
  draw(root, 0, 0)
  const height = TOP + depth * ROW + 12
  return `<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="${height}" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="11">
<style>
  .background { fill: #fff } text { fill: #24292f } .title { font-size: 16px; font-weight: 600; cursor: pointer } .note { fill: #57606a }
  .frame { cursor: pointer } .frame rect { stroke: #fff; stroke-width: 1 } .frame:hover rect { stroke: #24292f }
  .narrow text { display: none } .marked rect { fill: #d81b60 !important } .marked text { fill: #fff }
</style>
<rect class="background" width="100%" height="100%"/>
<text class="title" x="10" y="24">${escapeXml(title)}</text>
<text class="note" x="10" y="42">${escapeXml(note)} · ${all} samples<tspan id="found"/></text>
${legend(stacks, all)}
${frames.join('\n')}
<script><![CDATA[${SCRIPT}]]></script>
</svg>
`
}

function treeOf(stacks: Stacks): Frame {
  const root: Frame = { name: '', layer: null, samples: 0, own: 0, callees: new Map() }
  for (const [stack, count] of stacks) {
    let at = root
    for (const name of stack.split(';')) {
      let next = at.callees.get(name)
      if (next === undefined) {
        next = { name, layer: layerOf(name, at.layer), samples: 0, own: 0, callees: new Map() }
        at.callees.set(name, next)
      }
      next.samples += count
      at = next
    }
    at.own += count
  }
  return root
}

function drawFrame({ name, layer, samples, own }: Frame, row: number, x: number, all: number): string {
  const width = (samples / all) * 100
  const hover = `${name}\n${percent(samples, all)}, by itself ${percent(own, all)} (${samples} samples)`
  const narrow = width < TEXT_PERCENT ? ' narrow' : ''
  return (
    `<svg class="frame${narrow}" x="${x.toFixed(3)}%" y="${TOP + row * ROW}" width="${width.toFixed(3)}%" height="${ROW}">` +
    `<title>${escapeXml(hover)}</title><rect width="100%" height="100%" fill="${layer!.colour}"/>` +
    `<text x="4" y="13">${escapeXml(name)}</text></svg>`
  )
}

/** Each layer with its share of the samples: the time in it, not in what it calls. */
function legend(stacks: Stacks, all: number): string {
  let x = 10
  return samplesByLayer(stacks)
    .map(([{ name, colour }, samples]) => {
      const text = `${name} ${percent(samples, all)}`
      const entry = `<rect x="${x}" y="53" width="11" height="11" fill="${colour}"/><text x="${x + 16}" y="62">${escapeXml(text)}</text>`
      x += 16 + text.length * 6.7 + 18
      return entry
    })
    .join('')
}

function percent(part: number, whole: number): string {
  return `${((part / whole) * 100).toFixed(1)} %`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

const SCRIPT = `
const frames = [...document.querySelectorAll('.frame')].map(element => {
  const number = name => parseFloat(element.getAttribute(name))
  return { element, x: number('x'), width: number('width'), y: number('y'), name: element.querySelector('text').textContent }
})
function show(from, width, y) {
  for (const one of frames) {
    const isAbove = one.y < y && one.x <= from + 0.001 && one.x + one.width >= from + width - 0.001
    const isInside = one.y >= y && one.x >= from - 0.001 && one.x + one.width <= from + width + 0.001
    const x = isAbove ? 0 : (one.x - from) / width * 100, wide = isAbove ? 100 : one.width / width * 100
    one.element.style.display = isAbove || isInside ? '' : 'none'
    one.element.setAttribute('x', x + '%')
    one.element.setAttribute('width', wide + '%')
    one.element.classList.toggle('narrow', wide < ${TEXT_PERCENT})
  }
}
for (const one of frames) one.element.addEventListener('click', () => show(one.x, one.width, one.y))
document.querySelector('.title').addEventListener('click', () => show(0, 100, 0))
addEventListener('keydown', event => {
  if (event.key !== '/') return
  event.preventDefault()
  const wanted = (prompt('Mark frames whose name or file contains:') || '').toLowerCase()
  const isMarked = one => wanted !== '' && one.name.toLowerCase().includes(wanted)
  let share = 0, end = -1
  for (const one of frames) one.element.classList.toggle('marked', isMarked(one))
  for (const one of frames.filter(isMarked).sort((a, b) => a.x - b.x || b.width - a.width)) {
    if (one.x < end - 0.001) continue
    share += one.width
    end = one.x + one.width
  }
  document.getElementById('found').textContent = wanted === '' ? '' : ' · marked: ' + share.toFixed(1) + ' %'
})
`
