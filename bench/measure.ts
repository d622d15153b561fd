/**
 * Runs one stack under load and says what it cost: CPU seconds of every process of the stack (children that ended
 * included) divided by the requests answered. That figure moves far less with a noisy neighbour than requests per second do.
 * The stack runs on one core, the load on the other. Its processes are known by a marker in their environment, or by their parent.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Scene } from './scenes.ts'
import { ROOT, type Stack } from './stacks.ts'

const run = promisify(execFile)
const SERVER_CORE = '0'
const CLIENT_CORE = '1'
const CLOCK_TICKS_PER_SECOND = 100

export interface Load {
  readonly seconds: number
  readonly connections: number
}

export interface Figures {
  /** CPU microseconds per request, all processes. */
  readonly microseconds: number
  readonly requestsPerSecond: number
  readonly p50: string
  readonly p99: string
  /** Proportional set size of all processes, MB. */
  readonly megabytes: number
  /** Responses that are no success, and socket errors. */
  readonly errors: number
}

export async function measure(stack: Stack, scene: Scene, load: Load, env: NodeJS.ProcessEnv): Promise<Figures> {
  const marker = randomUUID()
  const directory = mkdtempSync(join(tmpdir(), 'jumak-bench-'))
  const port = await freePort()
  const servers = stack.commands(scene, { port, directory }).map(words =>
    spawn('taskset', ['-c', SERVER_CORE, ...words], {
      cwd: join(ROOT, 'bench/apps'),
      env: { ...env, MARKER_OF_JUMAK_BENCH: marker },
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  )
  let errors = ''
  for (const server of servers) server.stderr!.on('data', data => (errors = (errors + data).slice(-500)))
  try {
    await waitUntilUp(port, servers, () => errors)
    await apply(scene, port, { ...load, seconds: 1 })
    const before = cpuSeconds(marker)
    const result = await apply(scene, port, load)
    const used = cpuSeconds(marker) - before
    return { ...result, microseconds: (used * 1e6) / Math.max(1, result.requests), megabytes: pss(marker) }
  } finally {
    for (const server of servers) await end(server, marker)
    rmSync(directory, { recursive: true })
  }
}

type Result = Omit<Figures, 'microseconds' | 'megabytes'> & { readonly requests: number }

function apply(scene: Scene, port: number, load: Load): Promise<Result> {
  return scene.load === 'echo' || scene.load === 'broadcast'
    ? messages(`ws://127.0.0.1:${port}/`, scene.load, load)
    : wrk(`http://127.0.0.1:${port}/`, scene.load, load)
}

async function messages(url: string, mode: string, load: Load): Promise<Result> {
  const client = join(ROOT, 'bench/websocket-load.ts')
  const args = [process.execPath, client, url, mode, String(load.connections), String(load.seconds)]
  const { stdout } = await run('taskset', ['-c', CLIENT_CORE, ...args])
  return JSON.parse(stdout)
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

async function waitUntilUp(port: number, servers: readonly ChildProcess[], errors: () => string): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    const ended = servers.find(server => server.exitCode !== null)
    if (ended !== undefined) throw new Error(`it ended with ${ended.exitCode}: ${errors()}`)
    try {
      const response = await fetch(`http://127.0.0.1:${port}/up`, { signal: AbortSignal.timeout(2000) })
      await response.arrayBuffer()
      if (response.status < 500) return
    } catch {
      // Not yet.
    }
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error(`it never answered: ${errors()}`)
}

async function wrk(url: string, lua: string, load: Load): Promise<Result> {
  const script = join(ROOT, 'bench', lua)
  const args = [
    '-c',
    CLIENT_CORE,
    'wrk',
    '-t1',
    `-c${load.connections}`,
    `-d${load.seconds}s`,
    '--latency',
    '-s',
    script,
    url,
  ]
  const { stdout } = await run('taskset', args)
  const field = (pattern: RegExp) => pattern.exec(stdout)?.[1] ?? ''
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)
  const failures = [field(/Non-2xx or 3xx responses: (\d+)/), ...(socketErrors?.slice(1) ?? [])]
  return {
    requests: Number(field(/(\d+) requests in/)),
    requestsPerSecond: Number(field(/Requests\/sec:\s+([\d.]+)/)),
    p50: field(/^\s+50%\s+(\S+)/m),
    p99: field(/^\s+99%\s+(\S+)/m),
    errors: failures.reduce((sum, text) => sum + Number(text || 0), 0),
  }
}

/** Those with the marker, and their descendants: nginx writes its title over its environment. */
function pids(marker: string): number[] {
  const found = new Set<number>()
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    if (read(`/proc/${name}/environ`).includes(`MARKER_OF_JUMAK_BENCH=${marker}`)) found.add(Number(name))
    parents.set(Number(name), Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${name}/status`))?.[1] ?? 0))
  }
  for (let size = -1; size !== found.size; ) {
    size = found.size
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid)
  }
  return [...found]
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function cpuSeconds(marker: string): number {
  let ticks = 0
  for (const pid of pids(marker)) {
    const stat = read(`/proc/${pid}/stat`)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // utime, stime, and those of children that were waited for: proc(5) fields 14 to 17.
    for (const field of fields.slice(11, 15)) ticks += Number(field)
  }
  return ticks / CLOCK_TICKS_PER_SECOND
}

function pss(marker: string): number {
  let kilobytes = 0
  for (const pid of pids(marker))
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)
  return kilobytes / 1024
}

async function end(server: ChildProcess, marker: string): Promise<void> {
  // uWSGI reloads on TERM: INT ends every one of them.
  if (server.exitCode === null) server.kill('SIGINT')
  for (let waited = 0; pids(marker).length > 0; waited += 50) {
    if (waited > 3000) for (const pid of pids(marker)) process.kill(pid, 'SIGKILL')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
