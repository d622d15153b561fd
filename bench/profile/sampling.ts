/** Samples the stacks of a running gateway and worker, for flame graphs. */
import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CLIENT_CORE } from '../load.ts'
import { SERVER_CORE } from '../running.ts'
import { ROOT } from '../stacks.ts'
import type { Server } from './server.ts'
import { fromCpuProfile, fromPerfScript, fromWorkerSampler, type Stacks } from './stacks.ts'

const run = promisify(execFile)
const AGENTS = join(ROOT, 'bench/profile/agents')
/** For a profile to be written, after the load. */
const WRITE_MS = 20_000
const PERF_HERTZ = 1999
const MAX_PERF_OUTPUT = 1 << 30

/** The environment of a server that can be sampled: both agents wait for a signal. */
export function sampledEnvironment(env: NodeJS.ProcessEnv, directory: string, withPerf: boolean): NodeJS.ProcessEnv {
  const options = [env['NODE_OPTIONS'], `--import=file://${AGENTS}/gateway.ts`, withPerf ? '--perf-basic-prof' : '']
  return {
    ...env,
    NODE_OPTIONS: options.filter(Boolean).join(' '),
    PYTHONPATH: [AGENTS, env['PYTHONPATH']].filter(Boolean).join(':'),
    PROFILE_OF_JUMAK_DIRECTORY: directory,
  }
}

export interface Samples {
  readonly gateway: Stacks
  readonly worker: Stacks
  /** Share of the gateway's samples in which it waited. */
  readonly gatewayIdle: number
}

/**
 * JavaScript and Python: V8's profiler, and agents/sitecustomize.py. V8 samples by the clock. It also samples a process that waits for the
 * processor, at the place where it waits. On one core with the worker that is the write that wakes the worker: a quarter of all samples,
 * and hardly any CPU time. So the worker runs on the core of the load.
 */
export async function sample(server: Server, directory: string, during: () => Promise<unknown>): Promise<Samples> {
  const { gateway, worker } = server.pids
  const signal = () => {
    for (const pid of [gateway, worker]) process.kill(pid, 'SIGUSR2')
  }
  await run('taskset', ['-a', '-c', '-p', CLIENT_CORE, String(worker)])
  signal()
  await during()
  signal()
  await run('taskset', ['-a', '-c', '-p', SERVER_CORE, String(worker)])
  const profile = JSON.parse(await written(join(directory, `gateway-${gateway}.json`)))
  const { stacks, idle } = fromCpuProfile(profile, ROOT)
  const folded = await written(join(directory, `worker-${worker}.folded`))
  const busy = [...stacks.values()].reduce((sum, count) => sum + count, 0)
  return { gateway: stacks, worker: fromWorkerSampler(folded, ROOT), gatewayIdle: idle / Math.max(1, idle + busy) }
}

async function written(path: string): Promise<string> {
  for (const startedAt = performance.now(); performance.now() - startedAt < WRITE_MS; ) {
    try {
      const text = readFileSync(path, 'utf8')
      rmSync(path)
      return text
    } catch {
      // wait: until the other process has written its file; bounded above
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  throw new Error(`no profile was written to ${path} within ${WRITE_MS / 1000} s`)
}

export async function hasPerf(): Promise<boolean> {
  return run('perf', ['record', '-q', '-e', 'cpu-clock', '-g', '-o', '/dev/null', 'true']).then(
    () => true,
    () => false,
  )
}

/** With the kernel and native code; of Python only what the interpreter does, for its builds keep no frame pointers. */
export async function sampleWithPerf(
  server: Server,
  directory: string,
  seconds: number,
  during: () => Promise<unknown>,
): Promise<{ gateway: Stacks; worker: Stacks }> {
  const { gateway, worker } = server.pids
  const path = join(directory, 'perf.data')
  const what = ['-q', '-e', 'cpu-clock', '-F', String(PERF_HERTZ), '-g', '-o', path, '-p', `${gateway},${worker}`]
  const record = run('taskset', ['-c', CLIENT_CORE, 'perf', 'record', ...what, '--', 'sleep', String(seconds)])
  await Promise.all([record, during()])
  const { stdout } = await run('perf', ['script', '-i', path, '-F', 'comm,pid,tid,ip,sym,dso'], {
    maxBuffer: MAX_PERF_OUTPUT,
  })
  rmSync(path)
  const found = fromPerfScript(stdout, ROOT)
  return { gateway: found.get(gateway) ?? new Map(), worker: found.get(worker) ?? new Map() }
}
