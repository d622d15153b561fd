/**
 * Where the workers of one application find the master: the application's directory with `control.sock` in it. Made when the application
 * is added, mended before each fork, and removed at the end. Runs in the master.
 *
 * Invariant: a worker is heard only on the control socket of its own application.
 * Not here: how a directory is made and mended (`host/application-directory.ts`), who may connect (`control-server.ts`).
 */
import { type ApplicationUsers, areApart } from '../host/identity.ts'
import type { RuntimeDirectory } from '../host/runtime-directory.ts'
import { type HelloReceiver, listenForWorkers } from './control-server.ts'

export interface ControlDirectory {
  readonly path: string
  /** The gateway is another user than the application. */
  readonly isApart: boolean
  /** The path on which the worker must listen. */
  socketOf(worker: number): string
  /** The worker's process is gone: removes what it has left. Never throws. */
  forget(worker: number): void
  /** Throws an OperatorError where it cannot be mended. */
  repair(): void
  /** No worker can connect any more. */
  close(): void
}

export interface ControlDirectoryEvents {
  /** False refuses the worker. */
  hello: HelloReceiver
  warn(message: string): void
  bug(error: unknown): void
}

/** Throws an OperatorError where the directory cannot be made. `RuntimeDirectory.remove` removes it. */
export async function addControlDirectory(
  runtime: RuntimeDirectory,
  name: string,
  users: ApplicationUsers,
  events: ControlDirectoryEvents,
): Promise<ControlDirectory> {
  const directory = runtime.add(name, users)
  const control = await listenForWorkers(
    directory.controlSocket,
    (channel, hello) => events.hello(channel, hello),
    reason => events.warn(reason),
    users.identity,
  ).catch((error: unknown) => {
    runtime.remove(name)
    throw error
  })
  return {
    path: directory.path,
    isApart: areApart(users),
    socketOf: worker => directory.socketOf(worker),
    forget: worker => directory.forget(worker),
    repair() {
      const repaired = runtime.repair()
      if (repaired !== '') events.warn(`the runtime directory ${runtime.path} ${repaired}`)
      const mended = directory.repair(() => control.isThere)
      // One line for both: the first one says why.
      if (mended !== '' && repaired === '') events.warn(`the runtime directory ${directory.path} ${mended}`)
      // The socket listens when this returns; the promise only tells whether it went well.
      if (!control.isThere) control.listenAgain().catch((error: unknown) => events.bug(error))
    },
    close: () => control.close(),
  }
}
