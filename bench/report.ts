/** Results as a table for a terminal, and what table and chart say of several rounds. */
import type { Figures, Load, Result } from './measure.ts'
import type { Measure, Scene } from './scenes.ts'
import { AGREED } from './tls.ts'

export interface SceneResults {
  readonly scene: Scene
  readonly load: Load
  /** The first stack is the one that the others are compared with. */
  readonly results: readonly Result[]
}

/** Column, unit, digits after the point. */
const COLUMNS: Record<string, readonly [keyof Figures, number]> = {
  'CPU µs': ['microseconds', 1],
  'req/s': ['requestsPerSecond', 0],
  'p50 ms': ['p50', 2],
  'p99 ms': ['p99', 2],
  'p99.9 ms': ['p999', 2],
  'added ms': ['added', 3],
  MB: ['megabytes', 0],
  'busiest ×': ['busiestThread', 2],
  'p99 ×': ['slowdown', 2],
  'KB/connection': ['kilobytesPerConnection', 1],
  'MB/worker': ['megabytesPerWorker', 1],
}

export const UNITS: Record<Measure, string> = {
  microseconds: 'CPU µs per request, all processes',
  p99: 'p99 of the fast requests, ms',
  added: 'p99 less that without the proxy, ms',
  busiestThread: 'busiest gateway thread, × mean',
  slowdown: 'p99 beside a slow stream, × p99 without',
  kilobytesPerConnection: 'KB per idle connection',
  megabytesPerWorker: 'MB per further worker (PSS)',
}

export interface Ratio {
  readonly median: number
  /** The middle half of the rounds lies between them. */
  readonly low: number
  readonly high: number
}

/** `own` divided by `other`, round by round. Null: no round in which both were measured. */
export function ratio(own: Result, other: Result, measure: Measure): Ratio | null {
  const ratios: number[] = []
  for (const [i, figures] of own.rounds.entries()) {
    const value = figures[measure] / (other.rounds[i]?.[measure] ?? Number.NaN)
    if (Number.isFinite(value)) ratios.push(value)
  }
  if (ratios.length === 0) return null
  return { median: quantile(ratios, 0.5), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) }
}

export function medianOf(result: Result, key: keyof Figures): number {
  return quantile(
    result.rounds.map(figures => figures[key]),
    0.5,
  )
}

export function table({ scene, load, results }: SceneResults): string {
  const measured = Object.entries(COLUMNS).filter(([, [key]]) =>
    results.some(result => result.rounds.some(figures => Number.isFinite(figures[key]))),
  )
  const own = results[0]!
  const header = ['stack', ...measured.map(([name]) => name), `${own.stack} is`, '(middle half)', 'errors']
  const rows = results.map(result => {
    if (result.rounds.length === 0) return [result.stack, `failed: ${result.failure}`]
    const compared = result === own ? null : ratio(own, result, scene.measure)
    const errors = result.rounds.reduce((sum, figures) => sum + figures.errors, 0)
    return [
      result.stack,
      ...measured.map(([, [key, digits]]) => medianOf(result, key).toFixed(digits)),
      compared === null ? '' : `${compared.median.toFixed(2)} ×`,
      compared === null ? '' : `${compared.low.toFixed(2)}–${compared.high.toFixed(2)}`,
      result.failure === null ? String(errors) : `failed: ${result.failure}`,
    ]
  })
  return `${title(scene, load)}\n${[header, ...rows].map(row).join('\n')}\n`
}

export function title(scene: Scene, load: Load): string {
  const workers = load.workers === 1 ? 'one worker' : `${load.workers} workers`
  const rounds = load.rounds === 1 ? 'one round' : `median of ${load.rounds} rounds`
  const tls = scene.tls ? `; ${AGREED}` : ''
  const streams = scene.streams === 1 ? '' : `, ${scene.streams} streams on each`
  return `${scene.name}: ${scene.what}; ${workers}, connections: ${load.connections}${streams}, ${rounds}${tls}`
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(26) : cell.padStart(14))).join('')
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
