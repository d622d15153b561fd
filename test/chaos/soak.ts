/**
 * `npm run soak -- MINUTES [FILE]`: memory and descriptors of every process over time, under a mixed load. Flat or not is judged
 * by the slope after a warm-up, against what a leak of some bytes for each request would be; the plot goes to FILE. Ends with 1
 * when something grows or a request is lost.
 *
 * Two programs run for WSGI and two for ASGI. One is reloaded and its workers are recycled: that shows what master and gateway keep. The
 * other is left alone, because only an old process can show that it grows.
 */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fdCount } from '../support/processes.ts'
import type { Server } from '../support/server.ts'
import { anonymousMegabytes, LIVE_MEMORY } from './memory.ts'
import { type Line, plot } from './plot.ts'
import { Report } from './scenario.ts'
import { type Interface, KINDS_WITH_STREAMS, onStage, type Stage } from './stage.ts'
import { floorOf, type Sample, trendOf } from './trend.ts'

const SAMPLES = 200
const MIN_SAMPLE_MS = 500
const RELOAD_EVERY_MS = 20_000
const WORKERS = 2
/** Of the time, before anything is judged: caches fill, and heaps find their size. */
const WARM_UP = 0.4
const WARM_MINUTES = 10
/** Half of the least leak that is to be found. */
const BYTES_PER_REQUEST = 50
/** Of the memory: what is in flight goes with the load, and allocators take and give back in steps. */
const SLACK = 0.1
/** Samples of which the least counts. */
const FLOOR = 5
const SLACK_DESCRIPTORS = 4
type Role = 'master' | 'gateway' | 'preloader' | 'worker'

interface Part {
  readonly interface: Interface
  readonly isLeftAlone: boolean
  readonly roles: readonly Role[]
}

const PARTS: readonly Part[] = (['wsgi', 'asgi'] as const).flatMap(kind => [
  { interface: kind, isLeftAlone: false, roles: ['master', 'gateway'] },
  { interface: kind, isLeftAlone: true, roles: ['master', 'gateway', 'preloader', 'worker'] },
])

/** What is measured of one role of one program. */
interface Measured {
  readonly name: string
  readonly samples: Sample[]
  readonly descriptors: Sample[]
  /** That such a process has had, at each sample. */
  readonly requests: Sample[]
}

async function main(minutes: number, file: string): Promise<number> {
  if (!(minutes > 0)) {
    console.error('usage: npm run soak -- MINUTES [FILE]')
    return 2
  }
  if (minutes < WARM_MINUTES) console.error(`less than ${WARM_MINUTES} minutes say little: heaps still find their size`)
  const measured = new Map<string, Measured>()
  const report = new Report(text => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`))
  await Promise.all(
    PARTS.map(part => {
      const { isLeftAlone } = part
      const args = isLeftAlone ? [] : ['--max-requests', '3000']
      const options = { interface: part.interface, args, env: LIVE_MEMORY, load: { kinds: KINDS_WITH_STREAMS } }
      return onStage(report, options, stage => soak(stage, part, minutes * 60_000, measured))
    }),
  )
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const lines: Line[] = [...measured.values()]
  writeFileSync(
    file,
    plot(`Jumak: memory of each process under load, without mapped files, ${minutes} min`, 'MB', lines),
  )
  const isFlat = [...measured.values()].map(judge).every(Boolean)
  const { sent, answered, lost } = report.counts
  for (const problem of report.problems) console.log(problem)
  for (const note of report.notes) console.log(note)
  console.log(`${sent} requests, ${answered} answered, ${lost} lost; ${isFlat ? 'flat' : 'NOT FLAT'}; plot: ${file}`)
  return isFlat && report.problems.length === 0 ? 0 : 1
}

async function soak(stage: Stage, part: Part, durationMs: number, measured: Map<string, Measured>): Promise<void> {
  const { server, report } = stage
  const began = performance.now()
  const every = Math.max(MIN_SAMPLE_MS, durationMs / SAMPLES)
  let reloads = 0
  for (let elapsed = 0; elapsed < durationMs; elapsed = performance.now() - began) {
    if (!part.isLeftAlone && elapsed > (reloads + 1) * RELOAD_EVERY_MS) {
      reloads++
      server.signal('SIGHUP')
    }
    measure(stage, part, elapsed / 1000, measured)
    report.progress(
      `${(elapsed / 60_000).toFixed(1)} of ${durationMs / 60_000} min, ${stage.load.counts.sent} requests`,
    )
    // wait: until the next sample
    await sleep(every)
  }
  if (!part.isLeftAlone)
    report.note(`${stage.interface}: ${reloads} reloads, ${stage.logged(/is recycled/)} workers recycled`)
}

function measure(stage: Stage, part: Part, seconds: number, measured: Map<string, Measured>): void {
  const found = rolesOf(stage.server)
  if (found === null) return
  const { answered } = stage.load.counts
  for (const role of part.roles) {
    const name = `${part.interface}${part.isLeftAlone ? '' : ', reloaded'}: ${role}`
    const one = measured.get(name) ?? { name, samples: [], descriptors: [], requests: [] }
    measured.set(name, one)
    const pids = found[role]
    one.samples.push({ seconds, value: anonymousMegabytes(pids) / pids.length })
    one.descriptors.push({ seconds, value: pids.reduce((sum, pid) => sum + fdCount(pid), 0) / pids.length })
    one.requests.push({ seconds, value: answered / pids.length })
  }
}

/** Null while a generation takes over from another: then there are more processes, for a moment, and they share other pages. */
function rolesOf(server: Server): Record<Role, number[]> | null {
  const worker = server.workers().map(({ pid }) => pid)
  const preloader = server
    .processes()
    .filter(one => one.parent === server.pid && one.command.includes('jumak_worker'))
    .map(({ pid }) => pid)
  if (preloader.length !== 1 || worker.length !== WORKERS) return null
  return { master: [server.pid], gateway: [server.gateway().pid], preloader, worker }
}

function judge({ name, samples, descriptors, requests }: Measured): boolean {
  const end = samples.at(-1)?.seconds ?? 0
  const warm = (all: readonly Sample[]) => all.filter(({ seconds }) => seconds >= end * WARM_UP)
  const memory = trendOf(warm(floorOf(samples, FLOOR)))
  const fds = trendOf(warm(descriptors))
  const served = (requests.at(-1)?.value ?? 0) - (warm(requests)[0]?.value ?? 0)
  const allowed = Math.max(memory.mean * SLACK, (served * BYTES_PER_REQUEST) / 1024 ** 2)
  const isFlat = memory.growth <= allowed && fds.growth <= SLACK_DESCRIPTORS
  const signed = (value: number) => `${value < 0 ? '' : '+'}${value.toFixed(1)}`
  console.log(
    `${name.padEnd(24)} ${memory.mean.toFixed(1).padStart(6)} MB, ${signed(memory.growth)} along its slope over ` +
      `${Math.round(served)} requests (allowed +${allowed.toFixed(1)}); ` +
      `${fds.mean.toFixed(1)} descriptors, ${signed(fds.growth)}${isFlat ? '' : ': GROWS'}`,
  )
  return isFlat
}

const [minutes = '', file = join(tmpdir(), 'jumak-soak.svg')] = process.argv.slice(2)
process.exitCode = await main(Number(minutes), file)
