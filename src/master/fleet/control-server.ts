/**
 * `control.sock`: where workers connect to the master. It accepts connections, waits for a `hello` with the right build, and gives the
 * channel to the fleet, which compares the token. Runs in the master.
 *
 * Invariants: only processes of the application's user get here, because the socket is theirs, mode 0600; even so, nothing that they
 * send throws. With an identity the socket is made in its name: the directory belongs to the identity, which could put another file at
 * any path in it before root changes something there.
 */
import { lstatSync, type Stats } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { version } from '../../base/version.ts'
import type { Identity } from '../../config/types.ts'
import { openWorkerChannel, type WorkerChannel } from '../../control/channel.ts'
import type { WorkerToMaster } from '../../control/messages.ts'
import { OperatorError } from '../errors.ts'
import { runAs } from '../host/identity.ts'
import { OWNER_ONLY, withUmask } from '../host/umask.ts'

/** A worker says hello at once. */
const HELLO_MS = 10_000

/** Connections that may wait for a hello. More than workers are forked in one moment; a user must not take all of our descriptors. */
const MAX_WAITING = 128

export type Hello = Extract<WorkerToMaster, { readonly type: 'hello' }>

/** A worker of the right build. False refuses it, because nobody expects it. */
export type HelloReceiver = (channel: WorkerChannel, hello: Hello) => boolean

export interface ControlServer {
  /** The file at its path is the socket that it listens on. */
  readonly isThere: boolean
  /** Listens on the same path again, where nothing is. Open connections stay. Throws an OperatorError. */
  listenAgain(): void
  close(): void
}

/** It listens. `onRefused`: one sentence for the log. Throws an OperatorError. */
export function listenForWorkers(
  path: string,
  onHello: HelloReceiver,
  onRefused: (reason: string) => void,
  identity: Identity | null = null,
): ControlServer {
  // Connections that have not said hello. Afterwards their channels belong to the workers' handles.
  const waiting = new Set<Socket>()
  const accept = (socket: Socket) => {
    waiting.add(socket)
    if (waiting.size > MAX_WAITING) {
      // It has been silent for longest.
      const [oldest] = waiting
      waiting.delete(oldest!)
      oldest!.destroy()
    }
    const timer = setTimeout(() => socket.destroy(), HELLO_MS)
    const channel = openWorkerChannel(socket)
    const settle = () => {
      clearTimeout(timer)
      waiting.delete(socket)
    }
    channel.onClosed(reason => {
      settle()
      if (reason !== '') onRefused(`a connection to the control socket ${reason}`)
    })
    channel.onMessage(message => {
      settle()
      const refusal = refuse(message)
      if (refusal !== null) onRefused(refusal)
      if (refusal !== null || message.type !== 'hello' || !onHello(channel, message)) channel.close()
    })
  }
  let server = createServer(accept)
  let bound = listen(server, path, identity)
  return {
    get isThere() {
      const found = lstatSync(path, { throwIfNoEntry: false })
      return found?.isSocket() === true && found.ino === bound.ino && found.dev === bound.dev
    },
    listenAgain() {
      // Before the next server has the path, because closing removes the file there.
      server.close()
      server = createServer(accept)
      bound = listen(server, path, identity)
    },
    close() {
      server.close()
      for (const socket of waiting) socket.destroy()
    },
  }
}

function refuse(message: { readonly type: string; readonly build?: string }): string | null {
  if (message.type !== 'hello') return `a worker said '${message.type}' before hello`
  if (message.build !== version)
    return `a worker of build ${message.build} was refused, this is ${version}: restart Jumak`
  return null
}

/** Returns what is at the path afterwards: the socket. */
function listen(server: Server, path: string, identity: Identity | null): Stats {
  // Such as no descriptor left: the connection is lost, and the worker ends and is replaced. An error of `listen` itself comes here too,
  // and shows by the missing socket.
  server.on('error', () => {})
  withUmask(OWNER_ONLY, () => runAs(identity, () => server.listen(path)))
  // The file is there when `listen` returns.
  const bound = lstatSync(path, { throwIfNoEntry: false })
  if (bound?.isSocket() !== true) throw new OperatorError(`cannot listen on ${path}: no worker could reach the master`)
  return bound
}
