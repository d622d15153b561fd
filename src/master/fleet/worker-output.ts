/** What a worker prints: from its FIFO to the log, each line under its name. Part of the fleet; runs in the master. */
import { join } from 'node:path'
import type { Identity } from '../../config/types.ts'
import { asErrno } from '../errors.ts'
import type { AppNarrator } from '../output/app-narrator.ts'
import { type Outputs, openOutput } from '../output/output.ts'
import type { WorkerHandle } from './worker-handle.ts'

export interface WorkerOutputOptions {
  readonly outputs: Outputs
  readonly narrator: AppNarrator
  /** The user that workers run as; null: ours. */
  readonly identity: Identity | null
}

/** `directory`: of the application. Its FIFO is there since the preloader has said `forked`. */
export function readWorkerOutput(worker: WorkerHandle, directory: string, options: WorkerOutputOptions): void {
  const { outputs, narrator, identity } = options
  // The name is made here: a path from the preloader could be anybody's file, and the master may be root.
  const path = join(directory, `w${worker.id}.out`)
  try {
    outputs.read(openOutput(path, identity), (message, request, isError) => {
      if (worker.stacks.printed(message)) return
      if (message.trim() !== '') worker.lastLine = message.slice(message.trimEnd().lastIndexOf('\n') + 1)
      narrator.output('worker', message, isError, { worker: worker.id, request })
    })
  } catch (error) {
    narrator.warn(`${worker.name}: ${asErrno(error).message}; its output is lost`)
  }
}
