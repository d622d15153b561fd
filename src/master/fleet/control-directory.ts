/**
 * Where the workers of one application find the master: the application's directory with `control.sock` in it. Made when the application
 * is added, mended before each fork, and removed when its last process has gone. Runs in the master.
 *
 * Invariant: a worker is heard only on the control socket of its own application.
 * Not here: how a directory is made and mended (`host/application-directory.ts`), who may connect (`control-server.ts`).
 */
import { OperatorError } from '../errors.ts'
import { type ApplicationUsers, areApart } from '../host/identity.ts'
import type { RuntimeDirectory } from '../host/runtime-directory.ts'
import { type ControlServer, type HelloReceiver, listenForWorkers } from './control-server.ts'

export interface ControlDirectory {
  readonly path: string
  /** The gateway is another user than the application. */
  readonly isApart: boolean
  /** The path on which the worker must listen. */
  socketOf(worker: number): string
  /** The worker's process is gone: removes what it has left. Never throws. */
  forget(worker: number): void
  /** Mends what is missing. Null: a worker can reach us; otherwise why not. */
  repair(): string | null
  /** No worker can connect any more, and the directory is removed. Never throws. */
  close(): void
}

export interface ControlDirectoryEvents {
  hello: HelloReceiver
  warn(message: string): void
}

/** Throws an OperatorError where the directory or the socket cannot be made. */
export function addControlDirectory(
  runtime: RuntimeDirectory,
  name: string,
  users: ApplicationUsers,
  events: ControlDirectoryEvents,
): ControlDirectory {
  const directory = runtime.add(name, users)
  let control: ControlServer
  try {
    control = listenForWorkers(
      directory.controlSocket,
      (channel, hello) => events.hello(channel, hello),
      reason => events.warn(reason),
      users.identity,
    )
  } catch (error) {
    runtime.remove(directory)
    throw error
  }
  return {
    path: directory.path,
    isApart: areApart(users),
    socketOf: worker => directory.socketOf(worker),
    forget: worker => directory.forget(worker),
    repair() {
      try {
        const mended = directory.repair(() => control.isThere)
        if (mended === '') return null
        events.warn(`the directory ${directory.path} ${mended}`)
        if (!control.isThere) control.listenAgain()
        return null
      } catch (error) {
        if (error instanceof OperatorError) return error.message
        throw error
      }
    },
    close() {
      control.close()
      runtime.remove(directory)
    },
  }
}
