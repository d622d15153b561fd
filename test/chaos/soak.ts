/**
 * `npm run soak -- MINUTES [FILE]`: memory and descriptors of every process over time, while a mixed load runs, workers are
 * recycled and the code is reloaded. Flat or not is judged by the slope after a warm-up; the plot goes to FILE. Ends with 1 when
 * something grows or a request is lost.
 */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fdCount } from '../support/processes.ts'
import type { Server } from '../support/server.ts'
import { proportionalMegabytes } from './memory.ts'
import { type Line, plot } from './plot.ts'
import { Report } from './scenario.ts'
import { type Interface, KINDS_WITH_STREAMS, onStage, type Stage } from './stage.ts'
import { type Sample, trendOf } from './trend.ts'

const SAMPLES = 200
const MIN_SAMPLE_MS = 500
const RELOAD_EVERY_MS = 20_000
/** Of the time, before anything is judged: caches fill, and Node's heap finds its size. */
const WARM_UP = 0.4
const WARM_MINUTES = 10

const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

class Series {
  readonly #lines = new Map<string, Sample[]>()

  add(name: string, seconds: number, value: number): void {
    const samples = this.#lines.get(name)
    if (samples === undefined) this.#lines.set(name, [{ seconds, value }])
    else samples.push({ seconds, value })
  }

  get lines(): Line[] {
    return [...this.#lines].map(([name, samples]) => ({ name, samples }))
  }
}

async function main(minutes: number, file: string): Promise<number> {
  if (!(minutes > 0)) {
    console.error('usage: npm run soak -- MINUTES [FILE]')
    return 2
  }
  if (minutes < WARM_MINUTES) console.error(`less than ${WARM_MINUTES} minutes say little: heaps still find their size`)
  const memory = new Series()
  const descriptors = new Series()
  const report = new Report(text => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`))
  const kinds: readonly Interface[] = ['wsgi', 'asgi']
  await Promise.all(
    kinds.map(kind =>
      onStage(
        report,
        { interface: kind, args: ['--max-requests', '3000'], load: { kinds: KINDS_WITH_STREAMS } },
        stage => soak(stage, minutes * 60_000, memory, descriptors),
      ),
    ),
  )
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  writeFileSync(file, plot(`Jumak: memory under load, reloads and recycling, ${minutes} min`, 'MB (PSS)', memory.lines))
  const isFlat = [verdict('MB', memory.lines), verdict('descriptors', descriptors.lines)].every(Boolean)
  const { sent, answered, lost } = report.counts
  for (const problem of report.problems) console.log(problem)
  for (const note of report.notes) console.log(note)
  console.log(`${sent} requests, ${answered} answered, ${lost} lost; ${isFlat ? 'flat' : 'NOT FLAT'}; plot: ${file}`)
  return isFlat && report.problems.length === 0 ? 0 : 1
}

async function soak(stage: Stage, durationMs: number, memory: Series, descriptors: Series): Promise<void> {
  const { server, report } = stage
  const began = performance.now()
  const every = Math.max(MIN_SAMPLE_MS, durationMs / SAMPLES)
  let reloads = 0
  for (let elapsed = 0; elapsed < durationMs; elapsed = performance.now() - began) {
    if (elapsed > (reloads + 1) * RELOAD_EVERY_MS) {
      reloads++
      server.signal('SIGHUP')
    }
    measure(stage, elapsed / 1000, memory, descriptors)
    report.progress(`${(elapsed / 60_000).toFixed(1)} of ${durationMs / 60_000} min, ${report.counts.sent} requests`)
    await sleep(every)
  }
  report.note(`${stage.interface}: ${reloads} reloads, ${stage.logged(/is recycled/)} workers recycled`)
}

function measure({ server, interface: kind }: Stage, seconds: number, memory: Series, descriptors: Series): void {
  const roles = rolesOf(server)
  if (roles === null) return
  for (const [role, pids] of Object.entries(roles)) {
    const count = Math.max(1, pids.length)
    memory.add(`${kind}: ${role}`, seconds, proportionalMegabytes(pids) / count)
    descriptors.add(`${kind}: ${role}`, seconds, pids.reduce((sum, pid) => sum + fdCount(pid), 0) / count)
  }
}

/** Null while a generation takes over from another: then there are more processes, for a moment, and they share other pages. */
function rolesOf(server: Server): Record<string, number[]> | null {
  const workers = server.workers().map(({ pid }) => pid)
  const preloaders = server
    .processes()
    .filter(one => one.parent === server.pid && one.command.includes('jumak_worker'))
    .map(({ pid }) => pid)
  if (preloaders.length !== 1 || workers.length !== 2) return null
  return { master: [server.pid], gateway: [server.gateway().pid], preloader: preloaders, worker: workers }
}

function verdict(unit: string, lines: readonly Line[]): boolean {
  let isFlat = true
  for (const { name, samples } of lines) {
    const end = samples.at(-1)?.seconds ?? 0
    const trend = trendOf(samples.filter(({ seconds }) => seconds >= end * WARM_UP))
    const sign = trend.growth < 0 ? '' : '+'
    console.log(
      `${name.padEnd(18)} ${trend.mean.toFixed(1).padStart(7)} ${unit}, ${sign}${trend.growth.toFixed(1)} along its slope${trend.isFlat ? '' : ': GROWS'}`,
    )
    isFlat &&= trend.isFlat
  }
  return isFlat
}

const [minutes = '', file = join(tmpdir(), 'jumak-soak.svg')] = process.argv.slice(2)
process.exitCode = await main(Number(minutes), file)
