/**
 * The picture of docs/internals/threads.md: how long requests wait for a slot, against the load, as SVG. The points come from the simulation
 * of the real protocol (`src/shared/testing/simulation.ts`), so each run makes the same picture.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  equally,
  exponential,
  halfOnOne,
  idealWait,
  partedWait,
  requestsOf,
  type Scene,
  simulate,
} from '../../src/shared/testing/simulation.ts'
import { ROOT } from './tools.ts'

const [WIDTH, HEIGHT] = [900, 500]
const PANEL = { width: 390, height: 320, top: 88 }
const INK = '#1f2328'
const FAINT = '#656d76'
const GRID = '#e4e7eb'
const OWN = '#0f7b6c'
const PEERS = ['#e8a87c', '#d9743a', '#a63d0a']

const LOADS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
const THREADS = [1, 2, 4, 16]
const [WORKERS, PLACES] = [4, 4]
const SLOTS = WORKERS * PLACES
/** Of the logarithmic axis, in milliseconds. */
const [LEAST, MOST] = [0.01, 1000]
const SERVICE = exponential(10_000)
const REQUESTS = 60_000

interface Panel {
  readonly title: string
  readonly sharesOf: (threads: number) => number[]
}

const PANELS: readonly Panel[] = [
  { title: 'As much traffic on each thread', sharesOf: equally },
  { title: 'Half of the traffic on one thread', sharesOf: halfOnOne },
]

export function threadsFigure(): string {
  const path = join(ROOT, 'src/shared/testing/wake-ups.json')
  const wakeUps: number[] = JSON.parse(readFileSync(path, 'utf8')).quantiles
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="12">
<title id="title">How long requests wait for one of ${SLOTS} slots, by load, number of threads, and who may use which slot</title>
<rect width="100%" height="100%" rx="8" fill="#ffffff"/>
<text x="24" y="32" font-size="16" font-weight="600" fill="${INK}">How long a request waits for a slot</text>
<text x="24" y="52" fill="${FAINT}">on average, in milliseconds. ${SLOTS} slots, requests of ${SERVICE.mean / 1000} ms on average (1 ms and an exponential time)</text>
${PANELS.map((panel, i) => draw(panel, 56 + i * (PANEL.width + 40), wakeUps)).join('\n')}
${legend()}
</svg>
`
}

function draw({ title, sharesOf }: Panel, left: number, wakeUps: readonly number[]): string {
  const sceneOf = (load: number, threads: number): Scene => ({
    shares: sharesOf(threads),
    workers: WORKERS,
    places: PLACES,
    load,
    service: SERVICE,
    requests: REQUESTS,
    seed: 11,
    wakeUps,
  })
  const lines: string[] = []
  for (const [i, threads] of THREADS.slice(1).entries()) {
    // A thread that gets more than its slots can do has a queue that grows for ever.
    const points = LOADS.filter(load => Math.max(...sharesOf(threads)) * load < 0.99 / threads).map(load =>
      place(load, partedWait(requestsOf(sceneOf(load, threads)), SLOTS, threads)),
    )
    lines.push(line(points, PEERS[i]!, 'stroke-width="2"'))
    lines.push(
      points.length > 0
        ? text(points[2]!, `${threads} parts`, PEERS[i]!, -8)
        : text([PANEL.width, 34 + 16 * i], `${threads} parts: grows without end`, PEERS[i]!, 0),
    )
  }
  const ideal = LOADS.map(load => place(load, idealWait(requestsOf(sceneOf(load, 1)), SLOTS)))
  lines.push(line(ideal, INK, 'stroke-width="1.5" stroke-dasharray="5 4"'))
  for (const threads of THREADS) {
    for (const load of LOADS) {
      const [x, y] = place(load, simulate(sceneOf(load, threads)).meanWait)
      lines.push(marker(threads, x, y))
    }
  }
  return `<g transform="translate(${left} ${PANEL.top})">
<text y="-10" font-weight="600" fill="${INK}">${title}</text>
${axes()}
${lines.join('\n')}
</g>`
}

function axes(): string {
  const rows: string[] = []
  for (let value = LEAST; value <= MOST; value *= 10) {
    const [, y] = place(0.5, value * 1000)
    rows.push(
      `<line x2="${PANEL.width}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="${GRID}"/>`,
      `<text x="-6" y="${(y + 4).toFixed(1)}" text-anchor="end" fill="${FAINT}">${Number(value.toPrecision(1))}</text>`,
    )
  }
  for (const load of LOADS.filter((_, i) => i % 2 === 0 || i === LOADS.length - 1)) {
    const [x] = place(load, 1)
    const percent = Math.round(load * 100)
    rows.push(
      `<text x="${x.toFixed(1)}" y="${PANEL.height + 18}" text-anchor="middle" fill="${FAINT}">${percent} %</text>`,
    )
  }
  rows.push(
    `<text x="${PANEL.width / 2}" y="${PANEL.height + 36}" text-anchor="middle" fill="${FAINT}">load: of what the slots can do</text>`,
  )
  return rows.join('\n')
}

type Point = readonly [x: number, y: number]

/** `wait`: microseconds. */
function place(load: number, wait: number): Point {
  const share = Math.log10(Math.max(LEAST, wait / 1000) / LEAST) / Math.log10(MOST / LEAST)
  return [((load - 0.5) / 0.46) * PANEL.width, PANEL.height * (1 - share)]
}

function line(points: readonly Point[], colour: string, look: string): string {
  const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')
  return points.length === 0 ? '' : `<polyline points="${path}" fill="none" stroke="${colour}" ${look}/>`
}

function text([x, y]: Point, words: string, colour: string, above: number): string {
  return `<text x="${x.toFixed(1)}" y="${(y + above).toFixed(1)}" text-anchor="end" fill="${colour}" font-weight="600">${words}</text>`
}

/** One for each number of threads: they lie on one another where nothing differs. */
function marker(threads: number, x: number, y: number): string {
  const radius = { 1: 7, 2: 5.2, 4: 3.6, 16: 2 }[threads]!
  const fill = threads === 16 ? OWN : 'none'
  return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${fill}" stroke="${OWN}" stroke-width="1.3"/>`
}

function legend(): string {
  const y = HEIGHT - 24
  const markers = THREADS.map((threads, i) => {
    const x = 262 + i * 42
    return `${marker(threads, x, y - 4)}<text x="${x + 11}" y="${y}" fill="${INK}">${threads}</text>`
  })
  return `<line x1="24" x2="52" y1="${y - 4}" y2="${y - 4}" stroke="${INK}" stroke-width="1.5" stroke-dasharray="5 4"/>
<text x="60" y="${y}" fill="${INK}">one ideal queue</text>
<text x="172" y="${y}" fill="${OWN}" font-weight="600">Jumak with</text>
${markers.join('\n')}
<text x="424" y="${y}" fill="${OWN}" font-weight="600">threads</text>
<line x1="520" x2="548" y1="${y - 4}" y2="${y - 4}" stroke="${PEERS[1]}" stroke-width="2"/>
<text x="556" y="${y}" fill="${INK}">each process has its part of the slots</text>`
}
