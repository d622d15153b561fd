/** The tables that `npm run profile` prints. */

import type { Usage } from '../processes.ts'
import { samplesByLayer } from './layers.ts'
import { type Stacks, samplesIn } from './stacks.ts'
import type { SystemCalls } from './system-calls.ts'

const FIRST_COLUMN = 26
const COLUMN = 16
/** Rarer calls are one line: timers and the like. */
const LEAST_CALLS_PER_REQUEST = 0.001

export function usageTable(
  usage: ReadonlyMap<string, Usage>,
  requests: number,
  calls: ReadonlyMap<string, SystemCalls>,
  countedRequests: number,
): string {
  const roles = [...usage.keys()]
  const per = (pick: (one: Usage) => number, digits: number) =>
    roles.map(role => (pick(usage.get(role)!) / Math.max(1, requests)).toFixed(digits))
  const lines = [
    line('per request', roles),
    line(
      'CPU µs, own code',
      per(one => one.user, 1),
    ),
    line(
      'CPU µs, in the kernel',
      per(one => one.system, 1),
    ),
    line(
      'CPU µs',
      per(one => one.user + one.system, 1),
    ),
    line(
      'wake-ups',
      per(one => one.wakeUps, 3),
    ),
    line(
      'preempted',
      per(one => one.preempted, 3),
    ),
  ]
  if (calls.size > 0) lines.push(...systemCallLines(roles, calls, Math.max(1, countedRequests)))
  return lines.join('\n')
}

function systemCallLines(
  roles: readonly string[],
  calls: ReadonlyMap<string, SystemCalls>,
  requests: number,
): readonly string[] {
  const sum = (role: string, names: Iterable<string>) => {
    const counts = calls.get(role)
    if (counts === undefined) return ''
    let all = 0
    for (const name of names) all += counts.get(name) ?? 0
    return (all / requests).toFixed(3)
  }
  const totals = new Map<string, number>()
  for (const counts of calls.values())
    for (const [name, count] of counts) totals.set(name, (totals.get(name) ?? 0) + count)
  const names = [...totals.keys()].sort((a, b) => totals.get(b)! - totals.get(a)!)
  const isCommon = (name: string) => totals.get(name)! >= LEAST_CALLS_PER_REQUEST * requests
  const rare = names.filter(name => !isCommon(name))
  const row = (label: string, of: readonly string[]) =>
    line(
      label,
      roles.map(role => sum(role, of)),
    )
  return [
    row('system calls', names),
    ...names.filter(isCommon).map(name => row(`  ${name}`, [name])),
    ...(rare.length > 0 ? [row('  others', rare)] : []),
  ]
}

/** Each layer's share of the samples of each view. */
export function layerTable(views: ReadonlyMap<string, Stacks>): string {
  const shares = [...views.values()].map(stacks => {
    const all = Math.max(1, samplesIn(stacks))
    return new Map(samplesByLayer(stacks).map(([layer, count]) => [layer.name, count / all]))
  })
  const names = [...new Set(shares.flatMap(share => [...share.keys()]))]
  const rows = names.map(name =>
    line(
      name,
      shares.map(share => (share.has(name) ? `${(share.get(name)! * 100).toFixed(1)} %` : '')),
    ),
  )
  return [line('time itself in', [...views.keys()]), ...rows].join('\n')
}

function line(label: string, cells: readonly string[]): string {
  return (label.padEnd(FIRST_COLUMN) + cells.map(cell => cell.padStart(COLUMN)).join('')).trimEnd()
}
