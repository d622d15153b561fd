/** Puts load on an address, from the other core, and says what came back. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { h2load } from './h2load.ts'
import type { Scene } from './scenes.ts'
import { clientEnvironment, tlsOptions } from './tls.ts'

export const CLIENT_CORE = '1'
const HERE = import.meta.dirname
const run = promisify(execFile)

/** What came back. Latencies in milliseconds. */
export interface Answers {
  readonly requests: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Responses that are no success, and socket errors. */
  readonly errors: number
  /** p99 beside a slow stream, as a multiple of p99 without it. Of `slow-stream` only. */
  readonly slowdown?: number
  /** p99 less that of requests to the server behind the proxy. Of `half-load` only. */
  readonly added?: number
}

/** What `half-load` needs beside the scene. */
export interface HalfLoad {
  readonly backendPort: number
  /** Requests a second. */
  readonly rate: number
}

/** Half of what one slot does when one of a hundred requests takes 500 ms and the others 5 ms. */
const ARRIVALS_PER_WORKER = 50
/** Requests a second of `uneven`: enough for threads to be busy, and no more than one core serves. */
const UNEVEN_RATE = 3000

/** Load of a scene's kind for so many seconds. `half`: null of `half-load`: as many requests as the server takes. */
export function apply(
  scene: Scene,
  port: number,
  connections: number,
  workers: number,
  seconds: number,
  half: HalfLoad | null = null,
): Promise<Answers> {
  switch (scene.load) {
    case 'echo':
    case 'broadcast':
      return client('messages.ts', `ws://127.0.0.1:${port}/`, scene.load, connections, seconds)
    case 'half-load':
      return half === null
        ? wrk(scene, port, 'small-file', connections, seconds)
        : client('half-load.ts', port, half.backendPort, connections, half.rate, seconds)
    case 'upload-1m':
      return h2load({ ...scene, load: 'upload' }, port, connections, seconds, CLIENT_CORE)
    case 'one-percent-slow':
      return client('open-loop.ts', port, workers * ARRIVALS_PER_WORKER, seconds)
    case 'uneven':
      return client('uneven.ts', port, connections, UNEVEN_RATE, seconds)
    case 'full':
    case 'resumed':
      return client('handshakes.ts', port, scene.load, connections, seconds, '/static/1k.bin', tlsOptions())
    case 'slow-stream':
      return client('slow-stream.ts', port, scene.streams, seconds, tlsOptions())
    case 'slow-readers':
      return wrk(scene, port, 'differing', connections, seconds)
    default:
      return scene.http === 'http1' && scene.streams === 1
        ? wrk(scene, port, scene.load, connections, seconds)
        : h2load(scene, port, connections, seconds, CLIENT_CORE)
  }
}

/** @param kind - One of load.lua's. As many requests as the server takes. */
export function wrk(
  { tls }: Pick<Scene, 'tls'>,
  port: number,
  kind: string,
  connections: number,
  seconds: number,
): Promise<Answers> {
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', join(HERE, 'load.lua')]
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}/`
  return lastLine('wrk', [...options, url, '--', kind], tls ? clientEnvironment() : process.env)
}

/** A program of bench/clients that prints its Answers. */
function client(name: string, ...values: readonly (string | number)[]): Promise<Answers> {
  return lastLine(process.execPath, [join(HERE, 'clients', name), ...values.map(String)], process.env)
}

async function lastLine(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Answers> {
  const { stdout } = await run('taskset', ['-c', CLIENT_CORE, program, ...args], { maxBuffer: 2 ** 24, env })
  return JSON.parse(stdout.trim().split('\n').at(-1)!)
}

/** Clients that stay beside other load until `end`. */
export class Crowd {
  readonly #process: ChildProcess

  private constructor(child: ChildProcess) {
    this.#process = child
  }

  /** Resolves when all of them are connected. */
  static async gather(name: string, ...values: readonly (string | number)[]): Promise<Crowd> {
    const args = ['-c', CLIENT_CORE, process.execPath, join(HERE, 'clients', name), ...values.map(String)]
    const child = spawn('taskset', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    const [first] = await Promise.race([once(lines, 'line'), once(child, 'exit')])
    if (first !== 'ready') throw new Error(`${name} did not come up: ${first}`)
    return new Crowd(child)
  }

  async end(): Promise<void> {
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }
}
