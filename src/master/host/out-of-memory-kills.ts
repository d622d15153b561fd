/**
 * Tells a SIGKILL of the kernel's out-of-memory killer (OOM) from any other: our control group counts the processes that were killed for
 * lack of memory. Without control groups nothing is known, and nothing is said. Runs in the master.
 *
 * The counter names no process. Each kill explains one of our processes that dies by SIGKILL within some seconds; after that it was
 * probably a process that the application started.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { controlGroups, upwards } from '../../base/control-group.ts'

const SAMPLE_MS = 10_000
const KILLED = 'was killed by SIGKILL'

export class OutOfMemoryKills {
  readonly #file: string | null
  readonly #timer: NodeJS.Timeout | undefined
  /** Kills up to this number have explained a death, or are too old. */
  #claimed = 0
  /** The counter at the last sample. */
  #sampled = 0

  constructor(cgroupRoot = '/sys/fs/cgroup', procRoot = '/proc') {
    this.#file = findCounter(cgroupRoot, procRoot)
    if (this.#file === null) return
    this.#claimed = this.#sampled = readKills(this.#file) ?? 0
    this.#timer = setInterval(() => this.forgetOld(), SAMPLE_MS)
    this.#timer.unref()
  }

  /** `how`: the end of a process of ours; the answer adds the reason, if it was the kernel. */
  explain(how: string): string {
    if (how !== KILLED || this.#file === null) return how
    const kills = readKills(this.#file) ?? 0
    if (kills <= this.#claimed) return how
    this.#claimed++
    return `${how}: out of memory, says ${this.#file}`
  }

  /** Kills before the last sample that explain no death were of no process of ours. */
  forgetOld(): void {
    this.#claimed = Math.max(this.#claimed, this.#sampled)
    this.#sampled = readKills(this.#file!) ?? this.#sampled
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** `memory.events` in version 2, `memory.oom_control` in version 1, of the innermost group that is visible here. */
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
