/**
 * Memory and processor of processes, at the moment in which somebody asks. Runs in the master.
 *
 * Invariants: it takes a bounded time, however many processes there are, and never blocks the event loop. What is not known in time, or
 * not told by the system (no /proc), is null.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { readMemory } from './memory.ts'

export interface ProcessUsage {
  /** Bytes. */
  readonly memory: number | null
  /** Percent of one core. */
  readonly cpu: number | null
}

/** The kernel counts in hundredths of a second: over a quarter of a second a step is 4 %. A person does not notice the wait. */
const CPU_WINDOW_MS = 250
/** PSS costs the kernel a millisecond for each few hundred megabytes. */
const MEMORY_MS = 1500
/** Reads at a time: as many as Node has threads for files. */
const AT_A_TIME = 4
/** USER_HZ is 100 on every Linux. */
const TICK_MS = 10

export async function measure(pids: readonly number[]): Promise<Map<number, ProcessUsage>> {
  const begunAt = performance.now()
  const before = await readAll(pids, readTicks, begunAt + MEMORY_MS)
  const [memory] = await Promise.all([
    readAll(pids, async pid => (await readMemory(pid))?.bytes ?? null, begunAt + MEMORY_MS),
    before.size === 0 ? null : sleep(CPU_WINDOW_MS),
  ])
  const after = await readAll([...before.keys()], readTicks, Number.POSITIVE_INFINITY)
  return new Map(
    pids.map(pid => {
      const [first, last] = [before.get(pid), after.get(pid)]
      const cpu = first && last ? percent(last.ticks - first.ticks, last.at - first.at) : null
      return [pid, { memory: memory.get(pid) ?? null, cpu }]
    }),
  )
}

function percent(ticks: number, ms: number): number {
  return ms <= 0 ? 0 : Math.max(0, Math.round((ticks * TICK_MS * 1000) / ms) / 10)
}

/** Without those that have nothing to tell, or whose turn does not come in time. */
async function readAll<Value>(
  pids: readonly number[],
  read: (pid: number) => Promise<Value | null>,
  until: number,
): Promise<Map<number, Value>> {
  const found = new Map<number, Value>()
  const left = [...pids]
  const work = async () => {
    for (let pid = left.shift(); pid !== undefined && performance.now() < until; pid = left.shift()) {
      const value = await read(pid)
      if (value !== null) found.set(pid, value)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  return found
}

interface Ticks {
  readonly ticks: number
  readonly at: number
}

/** Time in user mode and in the kernel, of all threads. */
async function readTicks(pid: number): Promise<Ticks | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    // The second field is the name in parentheses, and may have any character in it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(fields[11]) + Number(fields[12])
    return Number.isFinite(ticks) ? { ticks, at: performance.now() } : null
  } catch {
    return null
  }
}
