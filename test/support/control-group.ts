/**
 * A control group with a bound of memory, for processes that are to meet the kernel's out-of-memory killer. It is made beneath the
 * one that we run in, whose own bounds hold on and of which nothing is changed, and is removed when the processes have gone.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { controlGroups } from '../../src/base/control-group.ts'
import { until } from './server.ts'

const ROOT = '/sys/fs/cgroup'
/** Versions 2 and 1: the bound, that of memory and swap, and the counter. */
const FILES = [
  { bound: 'memory.max', swap: 'memory.swap.max', swapBytes: () => 0, counter: 'memory.events' },
  {
    bound: 'memory.limit_in_bytes',
    swap: 'memory.memsw.limit_in_bytes',
    swapBytes: (bytes: number) => bytes,
    counter: 'memory.oom_control',
  },
] as const

export class MemoryGroup {
  readonly #directory: string
  readonly #counter: string

  private constructor(directory: string, counter: string) {
    this.#directory = directory
    this.#counter = counter
  }

  /** Throws where none may be made, with the reason. */
  static make(bytes: number): MemoryGroup {
    const reasons: string[] = []
    for (const { mounts, path } of controlGroups(readFileSync('/proc/self/cgroup', 'latin1'), 'memory')) {
      for (const parent of mounts.map(mount => join(ROOT, mount, path)).filter(existsSync)) {
        try {
          return MemoryGroup.#makeIn(parent, bytes)
        } catch (error) {
          reasons.push((error as Error).message)
        }
      }
    }
    throw new Error(reasons.join('; ') || `no control group of ours is below ${ROOT}`)
  }

  static #makeIn(parent: string, bytes: number): MemoryGroup {
    const directory = join(parent, `jumak-chaos-${process.pid}`)
    mkdirSync(directory)
    try {
      const files = FILES.find(({ bound }) => existsSync(join(directory, bound)))
      if (files === undefined) throw new Error(`${parent} gives its groups no bound of memory`)
      writeFileSync(join(directory, files.bound), String(bytes))
      const swap = join(directory, files.swap)
      if (existsSync(swap)) writeFileSync(swap, String(files.swapBytes(bytes)))
      return new MemoryGroup(directory, join(directory, files.counter))
    } catch (error) {
      rmdirSync(directory)
      throw error
    }
  }

  /** Who writes its own number there is a member, with all that it starts. */
  get members(): string {
    return join(this.#directory, 'cgroup.procs')
  }

  /** Processes that the kernel has killed in it. */
  get kills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(this.#counter, 'latin1'))?.[1])
  }

  /** As soon as its members have gone. */
  async remove(): Promise<void> {
    await until(
      () => readFileSync(this.members, 'latin1') === '',
      () => `${this.#directory} has members: ${readFileSync(this.members, 'latin1').replaceAll('\n', ' ')}`,
    )
    rmdirSync(this.#directory)
  }
}
