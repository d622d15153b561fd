/**
 * The runtime directory with `control.sock` in it: where the workers find the master. It is made at the start, mended before each fork,
 * and removed at the end. Runs in the master.
 *
 * Not here: how a directory is made and mended (`host/runtime-directory.ts`), who may connect (`control-server.ts`).
 */
import type { Config } from '../../config/types.ts'
import type { WorkerChannel } from '../../control/channel.ts'
import { createRuntimeDirectory } from '../host/runtime-directory.ts'
import { listenForWorkers } from './control-server.ts'

export interface ControlDirectory {
  readonly path: string
  /** Throws an OperatorError where it cannot be mended. */
  repair(): void
  /** No worker can connect any more. */
  close(): void
  /** Never throws. */
  remove(): void
}

export interface ControlDirectoryEvents {
  /** False refuses the worker. */
  hello(channel: WorkerChannel, worker: number, pid: number): boolean
  warn(message: string): void
  bug(error: unknown): void
}

/** Throws an OperatorError where the directory cannot be made. */
export async function openControlDirectory(
  { temporaryDirectory, identity }: Config,
  events: ControlDirectoryEvents,
): Promise<ControlDirectory> {
  const directory = await createRuntimeDirectory({ temporaryDirectory, identity, environment: process.env })
  const control = await listenForWorkers(
    directory.controlSocket,
    (channel, worker, pid) => events.hello(channel, worker, pid),
    reason => events.warn(reason),
    identity,
  ).catch((error: unknown) => {
    directory.remove()
    throw error
  })
  return {
    path: directory.path,
    repair() {
      const repaired = directory.repair(() => control.isThere)
      if (repaired === '') return
      events.warn(`the runtime directory ${directory.path} ${repaired}`)
      // The socket listens when this returns; the promise only tells whether it went well.
      if (!control.isThere) control.listenAgain().catch((error: unknown) => events.bug(error))
    },
    close: () => control.close(),
    remove: () => directory.remove(),
  }
}
