/** The results of a run as one SVG: a block of bars for each scene, the shortest first. */
import { medianOf, ratio, type SceneResults, title, UNITS } from './report.ts'

const WIDTH = 860
const NAMES = 190
const LABELS = 160
const BAR = 16
const LINE = 23
const BLOCK_HEAD = 58
const BLOCK_GAP = 22
const INK = '#1f2328'
const FAINT = '#656d76'
const OWN = '#0f7b6c'
const PEER = '#b9c2cc'

/** @param command - What made them: it stands below the bars. */
export function charts(all: readonly SceneResults[], command: string): string {
  const parts: string[] = []
  let y = 16
  for (const one of all) {
    const lines = bars(one)
    parts.push(`<g transform="translate(20 ${y})">${lines.join('\n')}</g>`)
    y += BLOCK_HEAD + (lines.length - 2) * LINE + BLOCK_GAP
  }
  const footer = wrap(`made by: ${command}`)
  const height = y + 8 + footer.length * 15
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="13">
<title id="title">Figures of the bench, by scene and stack</title>
<rect width="100%" height="100%" rx="8" fill="#ffffff"/>
${parts.join('\n')}
${footer.map((line, i) => `<text x="20" y="${y + 6 + i * 15}" font-size="11" fill="${FAINT}">${inXml(line)}</text>`).join('\n')}
</svg>
`
}

/** Two lines of heading, then a line for each stack that was measured. */
function bars({ scene, load, results }: SceneResults): string[] {
  const own = results[0]!
  const measured = results
    .map(result => ({ result, value: medianOf(result, scene.measure) }))
    .filter(({ value }) => Number.isFinite(value))
    .sort((a, b) => a.value - b.value)
  const longest = Math.max(1e-9, ...measured.map(({ value }) => value))
  const room = WIDTH - 40 - NAMES - LABELS
  return [
    `<text y="14" font-weight="600" fill="${INK}">${inXml(title(scene, load))}</text>`,
    `<text y="34" font-size="11" fill="${FAINT}">${inXml(UNITS[scene.measure])}; shorter is better</text>`,
    ...measured.map(({ result, value }, i) => {
      const isOwn = result === own
      const compared = isOwn ? null : ratio(own, result, scene.measure)
      const width = Math.max(1, (Math.max(0, value) / longest) * room)
      const label = value >= 100 ? value.toFixed(0) : value.toFixed(1)
      const beside = compared === null ? '' : `  ${own.stack} is ${compared.median.toFixed(2)} ×`
      return `<g transform="translate(0 ${BLOCK_HEAD - 12 + i * LINE})">
<text y="${BAR - 4}" fill="${INK}"${isOwn ? ' font-weight="600"' : ''}>${inXml(result.stack)}</text>
<rect x="${NAMES}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${isOwn ? OWN : PEER}"/>
<text x="${(NAMES + width + 6).toFixed(1)}" y="${BAR - 4}" fill="${INK}">${label}<tspan fill="${FAINT}" xml:space="preserve">${inXml(beside)}</tspan></text>
</g>`
    }),
  ]
}

/** Between words, in lines that fit. */
function wrap(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === undefined || line.length + word.length > 130) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines
}

function inXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
