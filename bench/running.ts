/**
 * A stack that runs on one core: what its processes use, and its end. Its processes are the ones that were started, the ones with its
 * marker in their environment, and the descendants of both (nginx writes its title over its environment). In a scene of proxies it has a server
 * behind it, which is none of them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Backend } from './backend.ts'
import { MICROSECONDS_PER_TICK, parentOf, processes, read, threadsOf, ticksOf } from './processes.ts'
import type { Scene } from './scenes.ts'
import type { Stack } from './stacks.ts'
import { certificate, OtherTls, statusOf } from './tls.ts'

export const SERVER_CORE = '0'
/** Enough for 10,000 connections and those of a proxy behind them. */
const DESCRIPTORS = 60_000

export class RunningStack {
  readonly #servers: readonly ChildProcess[]
  readonly #marker: string
  readonly #directory: string
  readonly #backend: Backend | null
  readonly port: number

  private constructor(
    servers: readonly ChildProcess[],
    marker: string,
    directory: string,
    port: number,
    backend: Backend | null,
  ) {
    this.#servers = servers
    this.#marker = marker
    this.#directory = directory
    this.port = port
    this.#backend = backend
  }

  /** @throws When it ends, or has not answered after a quarter of a minute; the message has the end of its standard error. */
  static async start(stack: Stack, scene: Scene, workers: number, env: NodeJS.ProcessEnv): Promise<RunningStack> {
    const marker = randomUUID()
    const directory = mkdtempSync(join(tmpdir(), 'jumak-bench-'))
    const [port, innerPort] = await freePorts()
    const limited = ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh', 'taskset', '-c', SERVER_CORE]
    const place = { port, innerPort, directory, certificate: scene.tls ? certificate() : null }
    const backend = scene.interface === 'proxy' ? await Backend.start(scene, innerPort, directory) : null
    const servers = stack.commands(scene, workers, place).map(words =>
      spawn(limited[0]!, [...limited.slice(1), ...words], {
        // PYTHONPATH finds the applications. What a server leaves behind is removed with the directory.
        cwd: directory,
        env: { ...env, MARKER_OF_JUMAK_BENCH: marker },
        stdio: ['ignore', 'ignore', 'pipe'],
      }),
    )
    let errors = ''
    for (const server of servers) server.stderr!.on('data', data => (errors = (errors + data).slice(-500)))
    const running = new RunningStack(servers, marker, directory, port, backend)
    try {
      await running.#waitUntilUp(scene, () => errors)
    } catch (error) {
      await running.end()
      throw error
    }
    return running
  }

  async #waitUntilUp({ tls, http }: Scene, errors: () => string): Promise<void> {
    for (let attempt = 0; attempt < 150; attempt++) {
      const ended = this.#servers.find(server => server.exitCode !== null)
      if (ended !== undefined) throw new Error(`it ended with ${ended.exitCode}: ${errors()}`)
      try {
        if ((await (tls ? statusOf(this.port, '/up', http) : plainStatusOf(this.port))) < 500) return
      } catch (error) {
        if (error instanceof OtherTls) throw error
        // Not yet.
      }
      // wait: until the server answers; bounded above
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    throw new Error(`it never answered: ${errors()}`)
  }

  /** Of the server behind it. @throws Outside of scenes of proxies. */
  get backendPort(): number {
    if (this.#backend === null) throw new Error('no server stands behind it')
    return this.#backend.port
  }

  /** Of the first command. */
  get pid(): number {
    return this.#servers[0]!.pid!
  }

  /** Used so far by its processes and by their children that have ended. */
  cpuSeconds(): number {
    const ticks = this.#pids().flatMap(ticksOf)
    return (ticks.reduce((sum, one) => sum + one, 0) * MICROSECONDS_PER_TICK) / 1e6
  }

  /** CPU nanoseconds of each thread of Jumak's gateway; empty: the gateway has one thread. */
  gatewayThreads(): Map<string, number> {
    const found = new Map<string, number>()
    for (const pid of this.#pids())
      for (const { thread, name, nanoseconds } of threadsOf(pid))
        if (/^gateway-\d+$/.test(name)) found.set(thread, nanoseconds)
    return found
  }

  /** Proportional set size: what processes share is counted once. */
  megabytes(): number {
    let kilobytes = 0
    for (const pid of this.#pids())
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)
    return kilobytes / 1024
  }

  async end(): Promise<void> {
    // uWSGI reloads on TERM: INT ends every one of them.
    for (const server of this.#servers) if (server.exitCode === null) server.kill('SIGINT')
    for (let waited = 0; ; waited += 50) {
      const left = this.#pids()
      if (left.length === 0) break
      if (waited > 3000) for (const pid of left) kill(pid)
      // wait: until its processes have ended; bounded above
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    await this.#backend?.end()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #pids(): number[] {
    const found = new Set<number>()
    const parents = new Map<number, number>()
    for (const { pid, exitCode, signalCode } of this.#servers)
      if (pid !== undefined && exitCode === null && signalCode === null) found.add(pid)
    for (const { pid } of processes()) {
      if (read(`/proc/${pid}/environ`).includes(`MARKER_OF_JUMAK_BENCH=${this.#marker}`)) found.add(pid)
      parents.set(pid, parentOf(pid))
    }
    for (let size = -1; size !== found.size; ) {
      size = found.size
      for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid)
    }
    return [...found]
  }
}

async function plainStatusOf(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/up`, { signal: AbortSignal.timeout(2000) })
  await response.arrayBuffer()
  return response.status
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

async function freePorts(): Promise<[number, number]> {
  const probes = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')]
  await Promise.all(probes.map(probe => once(probe, 'listening')))
  const ports = probes.map(probe => (probe.address() as { port: number }).port)
  for (const probe of probes) probe.close()
  await Promise.all(probes.map(probe => once(probe, 'close')))
  return ports as [number, number]
}
