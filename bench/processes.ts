/** What /proc says about processes: who they are, and what they have used (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs'

export const MICROSECONDS_PER_TICK = 10_000

export interface Usage {
  /** CPU microseconds in the process's own code, and in the kernel for it. */
  readonly user: number
  readonly system: number
  /** It waited for something and was woken, all threads. */
  readonly wakeUps: number
  /** It was made to wait while it had work. */
  readonly preempted: number
}

export function processes(): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => ({ pid: Number(name), command: read(`/proc/${name}/cmdline`).replaceAll('\0', ' ') }))
}

export function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0)
}

/** Since the process began. */
export function usageOf(pid: number): Usage {
  const [user, system] = ticksOf(pid)
  let wakeUps = 0
  let preempted = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const status = read(`/proc/${pid}/task/${thread}/status`)
    wakeUps += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    preempted += Number(/^nonvoluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0)
  }
  return { user: user! * MICROSECONDS_PER_TICK, system: system! * MICROSECONDS_PER_TICK, wakeUps, preempted }
}

/** The threads of a process that lives; `nanoseconds`: of CPU time so far. */
export function threadsOf(pid: number): { thread: string; name: string; nanoseconds: number }[] {
  const tasks = `/proc/${pid}/task`
  let threads: string[] = []
  try {
    threads = readdirSync(tasks)
  } catch {
    // It ended while we looked.
  }
  return threads.map(thread => ({
    thread,
    name: read(`${tasks}/${thread}/comm`).trim(),
    nanoseconds: Number(read(`${tasks}/${thread}/schedstat`).split(' ')[0]),
  }))
}

export function difference(after: Usage, before: Usage): Usage {
  return {
    user: after.user - before.user,
    system: after.system - before.system,
    wakeUps: after.wakeUps - before.wakeUps,
    preempted: after.preempted - before.preempted,
  }
}

/** Clock ticks: in its own code, in the kernel for it, and the same of its children that were waited for. None when it is gone. */
export function ticksOf(pid: number): number[] {
  const stat = read(`/proc/${pid}/stat`)
  // Fields 14 to 17; the second one, a name in parentheses, may hold spaces.
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
}

export function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // It ended while we looked.
    return ''
  }
}
