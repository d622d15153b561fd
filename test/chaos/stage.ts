/**
 * What a scenario runs on: an application in a directory of its own, the real program serving it, and a load. At the end the
 * load is finished, the program stopped, and held to the invariants of its end (`test/support/server.ts`).
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Certificate } from '../support/certificates.ts'
import { getOnce } from '../support/raw-client.ts'
import { type Server, type ServerOptions, startServer, until } from '../support/server.ts'
import type { Target } from '../support/target.ts'
import { type Kind, Load, type LoadOptions } from './load.ts'
import type { Report } from './scenario.ts'

export type Interface = 'wsgi' | 'asgi'

export interface StageOptions {
  readonly interface: Interface
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly program?: string
  /** Left out: `--tls` of the command decides. */
  readonly tls?: Certificate
  readonly load?: Partial<Omit<LoadOptions, 'target'>>
  /** False: the scenario makes its own load. */
  readonly hasLoad?: boolean
}

/** Streams are left out where workers are killed: one that has begun cannot be repeated. */
const KINDS: readonly Kind[] = ['get', 'post', 'wait', 'get', 'upload', 'wait', 'post', 'wait']
export const KINDS_WITH_STREAMS: readonly Kind[] = [...KINDS, 'stream']

/** Of the gateway: `--gateway-threads` of the command. */
export function gatewayThreads(): number {
  return Number(process.env['TEST_GATEWAY_THREADS'] ?? 1)
}

export class Stage {
  readonly directory: string
  readonly server: Server
  readonly load: Load
  readonly report: Report
  readonly interface: Interface

  constructor(directory: string, server: Server, load: Load, report: Report, options: StageOptions) {
    this.directory = directory
    this.server = server
    this.load = load
    this.report = report
    this.interface = options.interface
  }

  /** Lines of the log so far that match. */
  logged(pattern: RegExp): number {
    return this.server.log.filter(line => pattern.test(line)).length
  }

  /** Replaces the application's code; `change` gets that of the beginning. */
  writeApplication(change: (source: string) => string): void {
    const source = readFileSync(join(import.meta.dirname, `apps/${this.interface}.py`), 'utf8')
    writeFileSync(join(this.directory, 'app.py'), change(source))
  }

  /** Until a number of requests more have been answered: the program serves. */
  async untilServing(more = 50): Promise<void> {
    const { counts } = this.load
    const from = counts.answered
    await until(
      () => counts.answered >= from + more,
      () => `only ${counts.answered - from} answers in a minute; its log:\n${this.server.log.slice(-30).join('\n')}`,
      60_000,
    )
  }

  async get(path: string): Promise<string> {
    return (await getOnce(this.server.target, path)).body.toString()
  }
}

/** Between two deaths: those that come faster are a crash loop, which is another matter. */
export async function settle(): Promise<void> {
  // wait: the time between two deaths decides what the master makes of them
  await sleep(1200)
}

/** A program that serves, with load on it, while `act` runs. */
export async function onStage(
  report: Report,
  options: StageOptions,
  act: (stage: Stage) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-chaos-'))
  try {
    cpSync(join(import.meta.dirname, `apps/${options.interface}.py`), join(directory, 'app.py'))
    const server = await startServer(serverOptions(directory, options))
    try {
      await perform(new Stage(directory, server, makeLoad(server.target, options), report, options), options, act)
    } finally {
      if (server.exitCode === null) server.process.kill('SIGKILL')
    }
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

export function serverOptions(directory: string, options: StageOptions): ServerOptions {
  const args = ['-w', '2', ...(options.interface === 'wsgi' ? ['--threads', '2'] : []), ...(options.args ?? [])]
  const { program, tls } = options
  return {
    app: 'app:application',
    directory,
    args,
    env: options.env ?? {},
    ...(program ? { program } : {}),
    ...(tls ? { tls } : {}),
  }
}

export function makeLoad(target: Target, options: StageOptions): Load {
  return new Load({
    target,
    connections: 16,
    kinds: KINDS,
    pauseMs: 10,
    keepsAlive: true,
    mayFail: false,
    ...options.load,
  })
}

async function perform(stage: Stage, options: StageOptions, act: (stage: Stage) => Promise<void>): Promise<void> {
  const { server, load, report } = stage
  // Each scenario says by counts what it expects of the log.
  server.acceptAnyLog()
  if (options.hasLoad ?? true) {
    load.start()
    await stage.untilServing()
  }
  try {
    await act(stage)
    if ((options.hasLoad ?? true) && server.exitCode === null) await stage.untilServing()
  } finally {
    await load.finish()
    report.add(load)
  }
  if (server.exitCode === null) await server.stop()
}
