/**
 * Runs the stacks of a scene and measures them in turns: all of them are up at once, and each round gives every one a short burst
 * of load, in another order each time. So a noisy neighbour slows all of them down, and the ratio of two figures of one round tells more
 * than either. The main figure is CPU time of every process of a stack, divided by the requests answered:
 * noise moves it far less than requests per second.
 */
import { h2load } from './h2load.ts'
import { apply, CLIENT_CORE, Crowd, type HalfLoad, wrk } from './load.ts'
import { RunningStack } from './running.ts'
import type { Scene } from './scenes.ts'
import type { Stack } from './stacks.ts'
import { tlsOptions } from './tls.ts'

export interface Load {
  /** Length of a burst. */
  readonly seconds: number
  readonly rounds: number
  readonly connections: number
  readonly workers: number
}

/** One round of one stack. NaN: not measured in this scene. Latencies in milliseconds. */
export interface Figures {
  /** CPU microseconds per request (or message), all processes. */
  readonly microseconds: number
  readonly requestsPerSecond: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Responses that are no success, and socket errors. */
  readonly errors: number
  /** Proportional set size of all processes. */
  readonly megabytes: number
  /** CPU time of the busiest thread of the gateway, as a multiple of the mean of all; NaN: it has one thread. */
  readonly busiestThread: number
  /** p99 of the streams beside one that is read slowly, as a multiple of p99 without it. */
  readonly slowdown: number
  /** Milliseconds that a proxy adds to the p99. */
  readonly added: number
  readonly kilobytesPerConnection: number
  readonly megabytesPerWorker: number
}

export interface Result {
  readonly stack: string
  /** As many for each stack, in the same order; fewer where it failed. */
  readonly rounds: readonly Figures[]
  readonly failure: string | null
}

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv
  readonly onProgress: (text: string) => void
}

const NOTHING: Figures = {
  ...{ microseconds: Number.NaN, requestsPerSecond: Number.NaN, p50: Number.NaN, p99: Number.NaN, p999: Number.NaN },
  ...{
    errors: 0,
    busiestThread: Number.NaN,
    slowdown: Number.NaN,
    added: Number.NaN,
    megabytes: Number.NaN,
    kilobytesPerConnection: Number.NaN,
    megabytesPerWorker: Number.NaN,
  },
}
/** Load before anything is counted, the same for each stack: V8 compiles what is often run, caches fill. */
export const WARM_UP_SECONDS = 4
const SLOW_READERS = 1000
const REQUESTS_PER_WORKER = 1000
/** Requests a second of `half-load` at most: more would measure the client. */
const MOST_HALF_RATE = 4000
const MOST_SETTLING_SECONDS = 15

export async function measureScene(
  scene: Scene,
  stacks: readonly Stack[],
  load: Load,
  around: Surroundings,
): Promise<Result[]> {
  const needsKeepAlive = isIdle(scene) || scene.load === 'slow-readers'
  const able = stacks
    .filter(({ keepsAlive }) => keepsAlive || !needsKeepAlive)
    .filter(({ loads }) => loads === null || loads.includes(scene.load))
    .filter(({ speaksTls }) => speaksTls || !scene.tls)
    .filter(({ http2 }) => (scene.http === 'http2' ? http2 !== 'no' : http2 === 'no' || http2 === 'too'))
  if (isIdle(scene) || scene.load === 'workers') return alone(scene, able, load, around)
  return sideBySide(scene, able, load, around)
}

const isIdle = ({ load }: Scene): boolean => load === 'idle' || load === 'idle-websocket'

/** The failure of one stack stands in its result and does not stop the others. */
class Attempt {
  readonly stack: Stack
  readonly rounds: Figures[] = []
  failure: string | null = null

  constructor(stack: Stack) {
    this.stack = stack
  }

  async try(work: () => Promise<void>): Promise<void> {
    if (this.failure !== null) return
    try {
      await work()
    } catch (error) {
      this.failure = (error as Error).message
    }
  }

  get result(): Result {
    return { stack: this.stack.name, rounds: this.rounds, failure: this.failure }
  }
}

async function sideBySide(scene: Scene, stacks: readonly Stack[], load: Load, around: Surroundings) {
  const attempts = stacks.map(stack => new Attempt(stack))
  const running = new Map<Attempt, RunningStack>()
  const crowds: Crowd[] = []
  let halfRate = MOST_HALF_RATE
  try {
    for (const attempt of attempts) {
      around.onProgress(`${scene.name}: starting ${attempt.stack.name}`)
      await attempt.try(async () => {
        const asked = askedOf(attempt.stack, scene)
        const stack = await RunningStack.start(attempt.stack, asked, load.workers, around.env)
        running.set(attempt, stack)
        if (scene.load === 'slow-readers')
          crowds.push(await Crowd.gather('crowd.ts', stack.port, SLOW_READERS, 'slow-readers'))
        const { requestsPerSecond } = await burst(asked, stack, { ...load, seconds: WARM_UP_SECONDS }, null)
        halfRate = Math.min(halfRate, Math.ceil(requestsPerSecond / 2))
      })
    }
    for (let round = 0; round < load.rounds; round++) {
      for (let turn = 0; turn < attempts.length; turn++) {
        const attempt = attempts[(turn + round) % attempts.length]!
        around.onProgress(`${scene.name}: round ${round + 1} of ${load.rounds}, ${attempt.stack.name}`)
        const asked = askedOf(attempt.stack, scene)
        await attempt.try(async () => {
          const stack = running.get(attempt)!
          const half = scene.load === 'half-load' ? { backendPort: stack.backendPort, rate: halfRate } : null
          attempt.rounds.push(await burst(asked, stack, load, half))
        })
      }
    }
  } finally {
    for (const crowd of crowds) await crowd.end()
    for (const stack of running.values()) await stack.end()
  }
  return attempts.map(attempt => attempt.result)
}

/** What this stack is asked to do in the scene. */
function askedOf(stack: Stack, scene: Scene): Scene {
  return stack.http2 === 'by HTTP/1 instead' ? { ...scene, http: 'http1' } : scene
}

async function burst(scene: Scene, stack: RunningStack, load: Load, half: HalfLoad | null): Promise<Figures> {
  const before = stack.cpuSeconds()
  const threadsBefore = stack.gatewayThreads()
  const { requests, seconds, ...latencies } = await apply(
    scene,
    stack.port,
    load.connections,
    load.workers,
    load.seconds,
    half,
  )
  const microseconds = ((stack.cpuSeconds() - before) * 1e6) / Math.max(1, requests)
  const busiestThread = busiest(threadsBefore, stack.gatewayThreads())
  const requestsPerSecond = requests / seconds
  return { ...NOTHING, ...latencies, microseconds, requestsPerSecond, busiestThread, megabytes: stack.megabytes() }
}

function busiest(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number {
  const used = [...after].map(([thread, time]) => time - (before.get(thread) ?? 0))
  return used.length < 2 ? Number.NaN : (Math.max(...used) * used.length) / used.reduce((sum, one) => sum + one, 0)
}

/** Scenes of memory: a stack starts anew for each figure. */
async function alone(scene: Scene, stacks: readonly Stack[], load: Load, around: Surroundings) {
  const attempts = stacks.map(stack => new Attempt(stack))
  for (let round = 1; round <= load.rounds; round++) {
    for (const attempt of attempts) {
      around.onProgress(`${scene.name}: round ${round} of ${load.rounds}, ${attempt.stack.name}`)
      const measure = isIdle(scene) ? idleConnections : furtherWorkers
      await attempt.try(async () => void attempt.rounds.push(await measure(scene, attempt.stack, load, around.env)))
    }
  }
  return attempts.map(attempt => attempt.result)
}

async function idleConnections(scene: Scene, stack: Stack, load: Load, env: NodeJS.ProcessEnv): Promise<Figures> {
  const running = await RunningStack.start(stack, scene, load.workers, env)
  try {
    const { port } = running
    const isFirst = scene.http === 'http1'
    if (isFirst) await wrk(scene, port, 'differing', 64, 1)
    else await h2load({ ...scene, load: 'differing' }, port, 64, 1, CLIENT_CORE)
    const before = await settled(running)
    const tls = scene.tls ? [tlsOptions()] : []
    const crowd = isFirst
      ? await Crowd.gather('crowd.ts', port, load.connections, scene.load, ...tls)
      : await Crowd.gather('idle-http2.ts', port, load.connections, ...tls)
    const megabytes = await settled(running)
    await crowd.end()
    return { ...NOTHING, megabytes, kilobytesPerConnection: ((megabytes - before) * 1024) / load.connections }
  } finally {
    await running.end()
  }
}

/** Servers give memory back some time after a wave of work: waits until a second changes nothing. */
async function settled(running: RunningStack): Promise<number> {
  let megabytes = running.megabytes()
  for (let second = 0; second < MOST_SETTLING_SECONDS; second++) {
    // wait: for what the server does when it has nothing to do
    await new Promise(resolve => setTimeout(resolve, 1000))
    const before = megabytes
    megabytes = running.megabytes()
    if (Math.abs(megabytes - before) < 0.5) break
  }
  return megabytes
}

async function furtherWorkers(scene: Scene, stack: Stack, load: Load, env: NodeJS.ProcessEnv): Promise<Figures> {
  const after = async (workers: number) => {
    const running = await RunningStack.start(stack, scene, workers, env)
    try {
      for (let requests = 0; requests < REQUESTS_PER_WORKER * workers; )
        requests += (await wrk(scene, running.port, 'differing', 16 * workers, 1)).requests
      return running.megabytes()
    } finally {
      await running.end()
    }
  }
  const one = await after(1)
  const megabytes = await after(load.workers)
  return { ...NOTHING, megabytes, megabytesPerWorker: (megabytes - one) / (load.workers - 1) }
}
