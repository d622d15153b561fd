/**
 * Counts system calls of processes by name. perf counts in the kernel and costs little; without perf, strace stops the process at each
 * call. A slower server finds more work each time it looks, so strace's figures are a little too low.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Name → how often. */
export type SystemCalls = ReadonlyMap<string, number>

export interface SystemCallCounter {
  readonly tool: string
  /** What each process calls while `during` runs. */
  count(pids: readonly number[], during: () => Promise<unknown>): Promise<SystemCalls[]>
}

/** Null: this machine has neither. `directory`: for files of theirs. */
export async function findCounter(directory: string): Promise<SystemCallCounter | null> {
  if (await works('perf', ['stat', '-e', 'syscalls:sys_enter_read', 'true']))
    return { tool: 'perf', count: countWithPerf }
  if (await works('strace', ['-c', '-f', '-o', '/dev/null', 'true']))
    return { tool: 'strace', count: (pids, during) => countWithStrace(pids, during, directory) }
  return null
}

async function works(program: string, args: string[]): Promise<boolean> {
  return run(program, args).then(
    () => true,
    () => false,
  )
}

/**
 * Each event is switched on and off with the process, and there are 350: so a first look finds those that occur at all, and only
 * these are counted.
 */
async function countWithPerf(pids: readonly number[], during: () => Promise<unknown>): Promise<SystemCalls[]> {
  const first = await perfStat(
    pids.map(pid => ({ pid, events: ['syscalls:sys_enter_*'] })),
    during,
  )
  return perfStat(
    pids.map((pid, i) => ({ pid, events: [...first[i]!.keys()].map(name => `syscalls:sys_enter_${name}`) })),
    during,
  )
}

interface PerfTask {
  readonly pid: number
  readonly events: readonly string[]
}

async function perfStat(tasks: readonly PerfTask[], during: () => Promise<unknown>): Promise<SystemCalls[]> {
  const counters = tasks.map(({ pid, events }) => {
    // A worker that is asked for no file makes no calls, and perf refuses to count nothing.
    if (events.length === 0) return null
    // Descriptor 3 brings commands, 4 answers: so it is known when all is counted. -D -1: nothing before "enable".
    const args = ['stat', '-x', ',', '-D', '-1', '--control', 'fd:3,4', '-p', String(pid), '-e', events.join(',')]
    const child = spawn('perf', args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] })
    return { child, output: textOf(child) }
  })
  const running = counters.filter(counter => counter !== null)
  await Promise.all(
    running.map(async ({ child, output }) => {
      ;(child.stdio[3] as Writable).write('enable\n')
      const answered = once(child.stdio[4] as Readable, 'data')
      const ended = output.then(text => Promise.reject(new Error(`perf stat: ${text}`)))
      await Promise.race([answered, ended])
    }),
  )
  await during()
  for (const { child } of running) child.kill('SIGINT')
  return Promise.all(counters.map(async counter => parsePerfStat((await counter?.output) ?? '')))
}

/** Waits until it has ended, and returns what it printed to stderr. */
async function textOf(child: ChildProcess): Promise<string> {
  let text = ''
  child.stderr!.on('data', data => {
    text += data
  })
  await once(child, 'close')
  return text
}

/** `count,,syscalls:sys_enter_NAME,…` */
export function parsePerfStat(text: string): SystemCalls {
  const found = [...text.matchAll(/^(\d+),[^,]*,syscalls:sys_enter_(\w+),/gm)]
  return new Map(found.map(([, count, name]) => [name!, Number(count)] as const).filter(([, count]) => count > 0))
}

async function countWithStrace(
  pids: readonly number[],
  during: () => Promise<unknown>,
  directory: string,
): Promise<SystemCalls[]> {
  const tracers = await Promise.all(
    pids.map(async pid => {
      const path = join(directory, `strace-${pid}`)
      const child = spawn('strace', ['-c', '-f', '-o', path, '-p', String(pid)], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const ended = once(child, 'close')
      // "Process N attached"
      await Promise.race([once(child.stderr!, 'data'), ended])
      return { child, path, ended }
    }),
  )
  await during()
  for (const { child } of tracers) child.kill('SIGINT')
  return Promise.all(
    tracers.map(async ({ path, ended }) => {
      await ended
      const text = readFileSync(path, 'utf8')
      rmSync(path)
      return parseStrace(text)
    }),
  )
}

/** Columns: % time, seconds, usecs/call, calls, errors (may be empty), name. */
export function parseStrace(text: string): SystemCalls {
  const rows = [...text.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z]\w*)$/gm)]
  return new Map(rows.filter(([, , name]) => name !== 'total').map(([, count, name]) => [name!, Number(count)]))
}
