/**
 * `--check`: loads the application as a start would, with the same Python, user, environment and directory: import, `--post-fork`, the
 * lifespan's start-up and shutdown. It binds nothing and serves nobody. Runs in the process of the command line.
 *
 * Invariant: when this resolves, the preloader and everything that it has started are gone, even when a signal ends the check early.
 */
import { constants } from 'node:os'
import type { AppConfig, Config } from '../config/types.ts'
import type { LoadedApplication } from '../control/messages.ts'
import { OperatorError } from './errors.ts'
import { Generation, type GenerationFailure } from './fleet/generation.ts'
import { MAX_TIMER_MS } from './fleet/plan-loop.ts'
import { mountsOf } from './fleet/static-mounts.ts'
import { areApart, checkIdentity } from './host/identity.ts'
import { describeDuration } from './output/describe.ts'
import { takeNotifySocket } from './output/notifier.ts'
import { Outputs } from './output/output.ts'
import { describeStatic, strayStatic, uselessSettings } from './output/start-facts.ts'
import { PROGRAMS } from './paths.ts'

export type Checked =
  | {
      readonly application: LoadedApplication
      /** Where static files of a Django project come from, or why there are none; null: nothing to say. */
      readonly static: string | null
      readonly warnings: readonly string[]
    }
  /** `exitCode`: 3 where it was the application's fault, 1 where it was not, 128 + number after a signal. */
  | { readonly exitCode: number; readonly problem: string }

/** `print` gets the lines that the application prints meanwhile, and a line every ten seconds while the import goes on. */
export async function checkApplication(
  config: Config,
  app: AppConfig,
  print: (line: string) => void,
): Promise<Checked> {
  const { umask } = config
  const { identity } = app
  try {
    checkIdentity(identity)
  } catch (error) {
    if (error instanceof OperatorError) return { exitCode: 1, problem: error.message }
    throw error
  }
  // As at a start: the application must not see the service manager's variables.
  takeNotifySocket(process.env)
  if (umask !== null) process.umask(umask)
  const outputs = new Outputs()
  const interrupted = Promise.withResolvers<Signal>()
  for (const signal of SIGNALS) process.once(signal, () => interrupted.resolve(signal))
  const result = await load(config, app, outputs, print, interrupted.promise)
  for (const signal of SIGNALS) process.removeAllListeners(signal)
  await outputs.finish(LAST_OUTPUT_MS)
  if (typeof result === 'string')
    return { exitCode: 128 + constants.signals[result], problem: `${result}: the check was not finished` }
  if ('kind' in result) {
    const problem = [result.message, result.traceback.trimEnd()].filter(part => part !== '').join('\n')
    return { exitCode: result.kind === 'operator' ? 1 : 3, problem }
  }
  const { interface: kind } = result
  const mounts = mountsOf(result, app, areApart({ identity, gatewayIdentity: config.gatewayIdentity }))
  return {
    application: result,
    static: describeStatic(result, app, mounts),
    warnings: [...uselessSettings(kind, app), ...strayStatic(result, app, mounts)],
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const
type Signal = (typeof SIGNALS)[number]

/** How long to wait for the last output of a process that is gone. */
const LAST_OUTPUT_MS = 500

async function load(
  config: Config,
  app: AppConfig,
  outputs: Outputs,
  print: (line: string) => void,
  interrupted: Promise<Signal>,
): Promise<LoadedApplication | GenerationFailure | Signal> {
  const { startTimeout, target } = app
  const known = Promise.withResolvers<LoadedApplication | GenerationFailure>()
  const ended = Promise.withResolvers<void>()
  const generation = new Generation({
    number: 1,
    // The preloader imports, even where the workers do at a start: only it answers with `loaded`.
    config,
    app: { ...app, preload: 'on' },
    wanted: app.workers,
    expected: null,
    isCheck: true,
    program: PROGRAMS.worker,
    runtimeDirectory: '',
    outputs,
    events: {
      forkable: one => known.resolve(one.application!),
      failed: (_, failure) => known.resolve(failure),
      ended: () => ended.resolve(),
      output: (_, line) => print(line),
      stillLoading: (_, elapsed) => print(`jumak: still importing ${target.display} after ${elapsed}`),
      developmentMessage() {},
      worker() {},
      orphaned() {},
      hazards() {},
    },
  })
  const message = `${target.display} was not loaded within ${describeDuration(startTimeout)} (--start-timeout): it hangs, or needs more time`
  const timer =
    startTimeout === 0
      ? undefined
      : setTimeout(() => generation.fail({ kind: 'run', message, traceback: '' }), Math.min(MAX_TIMER_MS, startTimeout))
  const result = await Promise.race([known.promise, interrupted])
  clearTimeout(timer)
  // SIGKILL where it hangs or a signal came. Otherwise it ends in order, or by force after some seconds.
  if (typeof result === 'string' || ('kind' in result && result.kind === 'run')) generation.kill()
  generation.end()
  // The result is known, but the end may hang.
  const signal = await Promise.race([ended.promise, interrupted])
  if (signal !== undefined) generation.kill()
  await ended.promise
  return signal ?? result
}
