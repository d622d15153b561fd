/**
 * A control group with a limit of memory, for processes that shall meet the kernel's out-of-memory killer. It is made below the group
 * that the test runs in, which does not change and whose limits still hold. It is removed when its processes have ended.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { controlGroups } from '../../src/base/control-group.ts'
import { until } from './server.ts'

const ROOT = '/sys/fs/cgroup'
/** The files of versions 2 and 1: limit of memory, limit of swap (version 1: of both), counter of kills. */
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

  /** Throws with the reason where none may be made. */
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

  /** A process that writes its number there becomes a member, with all that it starts. */
  get members(): string {
    return join(this.#directory, 'cgroup.procs')
  }

  /** How many of its processes the kernel has killed. */
  get kills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(this.#counter, 'latin1'))![1])
  }

  /** Waits until its members have ended, then removes it. */
  async remove(): Promise<void> {
    await until(
      () => readFileSync(this.members, 'latin1') === '',
      () => `${this.#directory} has members: ${readFileSync(this.members, 'latin1').replaceAll('\n', ' ')}`,
    )
    rmdirSync(this.#directory)
  }
}
