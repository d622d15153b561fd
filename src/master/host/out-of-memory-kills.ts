/**
 * Tells a SIGKILL of the kernel's from anybody else's: the control group that we run in counts the processes that were killed
 * for want of memory. Without control groups nothing is known, and nothing is said. Runs in the master.
 *
 * The counter names nobody. A kill counts for whoever of ours is found dead by SIGKILL next, once, and for some seconds only:
 * it may have been a process that the application started.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { controlGroups, upwards } from '../../base/control-group.ts'

const SAMPLE_MS = 10_000
const KILLED = 'was killed by SIGKILL'

export class OutOfMemoryKills {
  readonly #file: string | null
  readonly #timer: NodeJS.Timeout | undefined
  /** Of the counter: those up to here are somebody's. */
  #claimed = 0
  /** Of the counter, at the last sample. */
  #sampled = 0

  constructor(cgroupRoot = '/sys/fs/cgroup', procRoot = '/proc') {
    this.#file = findCounter(cgroupRoot, procRoot)
    if (this.#file === null) return
    this.#claimed = this.#sampled = readKills(this.#file) ?? 0
    this.#timer = setInterval(() => this.forgetOld(), SAMPLE_MS)
    this.#timer.unref()
  }

  /** `how` a process of ours ended; with the reason, if the kernel has one. */
  explain(how: string): string {
    if (how !== KILLED || this.#file === null) return how
    const kills = readKills(this.#file) ?? 0
    if (kills <= this.#claimed) return how
    this.#claimed++
    return `${how}: out of memory, says ${this.#file}`
  }

  /** Kills that nobody has claimed since the last time were of no process of ours. */
  forgetOld(): void {
    this.#claimed = Math.max(this.#claimed, this.#sampled)
    this.#sampled = readKills(this.#file!) ?? this.#sampled
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** `memory.events` in version 2, `memory.oom_control` in version 1: of the innermost group that is seen here. */
function findCounter(cgroupRoot: string, procRoot: string): string | null {
  for (const { mounts, path } of controlGroups(readText(join(procRoot, 'self/cgroup')), 'memory')) {
    for (const mount of mounts) {
      for (const group of upwards(path)) {
        const directory = join(cgroupRoot, mount, group)
        for (const name of ['memory.events', 'memory.oom_control'])
          if (readKills(join(directory, name)) !== null) return join(directory, name)
      }
    }
  }
  return null
}

function readKills(path: string): number | null {
  const kills = /^oom_kill (\d+)$/m.exec(readText(path))?.[1]
  return kills === undefined ? null : Number(kills)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
