/** Looks at processes through /proc (Linux), to find what a test's server left behind; signals to all of them. */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessInfo {
  readonly pid: number
  readonly parent: number
  /** Arguments, joined by spaces. */
  readonly command: string
}

/** Every live process whose environment carries the marker: all descendants of one test's server. Zombies do not count. */
export function markedProcesses(marker: string): ProcessInfo[] {
  const found: ProcessInfo[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      if (!readFileSync(`/proc/${name}/environ`, 'latin1').includes(`MARKER_OF_JUMAK_TEST=${marker}`)) continue
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (state === 'Z') continue
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()
      found.push({ pid: Number(name), parent: Number(parent), command })
    } catch (error) {
      assertGone(error)
    }
  }
  return found
}

/** Open descriptors; 0 when the process is gone. */
export function fdCount(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch (error) {
    assertGone(error)
    return 0
  }
}

/** It has ended; a zombie has, too. */
export function hasEnded(pid: number): boolean {
  const state = stateOf(pid)
  return state === null || state === 'Z'
}

/** By SIGSTOP. */
export function isStopped(pid: number): boolean {
  return stateOf(pid) === 'T'
}

/** The letter of proc(5); null: it is gone. */
function stateOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat[stat.lastIndexOf(')') + 2]!
  } catch (error) {
    assertGone(error)
    return null
  }
}

/** Sends it to each of them that is still there: the first may take others along. */
export function signalAll(processes: readonly ProcessInfo[], signal: NodeJS.Signals): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** The process ended while we looked, or is one of others that we may not look at. */
function assertGone(error: unknown): void {
  const { code } = error as NodeJS.ErrnoException
  if (!['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code!)) throw error
}
