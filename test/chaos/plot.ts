/** Lines over time as an SVG that needs nothing else to be looked at. */
import type { Sample } from './trend.ts'

export interface Line {
  readonly name: string
  readonly samples: readonly Sample[]
}

const WIDTH = 900
const HEIGHT = 440
const MARGIN = { left: 60, right: 190, top: 40, bottom: 40 }
const COLOURS = [
  ...['#b4532a', '#2a6fb4', '#3a8f4d', '#8a4fb4', '#b49a2a', '#555'],
  ...['#e08a6a', '#6aa5e0', '#7ac48b', '#be92de', '#dec76a', '#999'],
]
const MARKS = 5

export function plot(title: string, unit: string, lines: readonly Line[]): string {
  const all = lines.flatMap(({ samples }) => samples)
  const last = Math.max(1, ...all.map(({ seconds }) => seconds))
  const top = Math.max(1, ...all.map(({ value }) => value)) * 1.1
  const x = (seconds: number) => MARGIN.left + (seconds / last) * (WIDTH - MARGIN.left - MARGIN.right)
  const y = (value: number) => HEIGHT - MARGIN.bottom - (value / top) * (HEIGHT - MARGIN.top - MARGIN.bottom)
  const marks = Array.from({ length: MARKS + 1 }, (_, i) => i / MARKS)
  const grid = marks.flatMap(share => [
    `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(top * share)}" y2="${y(top * share)}" stroke="#ddd"/>`,
    `<text x="${MARGIN.left - 8}" y="${y(top * share) + 4}" text-anchor="end">${(top * share).toFixed(0)}</text>`,
    `<text x="${x(last * share)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${((last * share) / 60).toFixed(1)}</text>`,
  ])
  const drawn = lines.flatMap(({ name, samples }, i) => {
    const colour = COLOURS[i % COLOURS.length]
    const points = samples.map(({ seconds, value }) => `${x(seconds).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
    const at = MARGIN.top + 10 + i * 20
    return [
      `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="1.5"/>`,
      `<text x="${WIDTH - MARGIN.right + 12}" y="${at}" fill="${colour}">${name}</text>`,
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="22" font-size="15">${title}</text>`,
    `<text x="${MARGIN.left - 8}" y="${MARGIN.top - 8}" text-anchor="end">${unit}</text>`,
    `<text x="${WIDTH - MARGIN.right + 12}" y="${HEIGHT - MARGIN.bottom + 18}">minutes</text>`,
    ...grid,
    ...drawn,
    '</svg>\n',
  ].join('\n')
}
