/**
 * `control.sock`: where workers connect to the master. Takes connections, insists on a `hello` first and soon, and
 * hands each to whoever knows the worker. Runs in the master. The path lies in the 0700 runtime directory, so only
 * processes of this user get here; still, nothing they send throws.
 *
 * Invariant: with an identity it is made in its name: the directory is theirs, and whatever root made or changed at a path
 * in it could be another file by then.
 */
import { lstatSync, type Stats } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { version } from '../../base/version.ts'
import type { Identity } from '../../config/types.ts'
import { openWorkerChannel, type WorkerChannel } from '../../control/channel.ts'
import { runAs } from '../host/identity.ts'

/** A worker says hello at once; the next start's probe connects and says nothing. */
const HELLO_MS = 10_000

export interface ControlServer {
  /** What is at its path is the socket that it listens on. */
  readonly isThere: boolean
  /** At the same path anew, where nothing is. The connections that there are stay. */
  listenAgain(): Promise<void>
  close(): void
}

/**
 * `onHello`: a worker of the right build; false refuses it (nobody expects this number). `onRefused`: one sentence for
 * the log. Resolves when the socket listens.
 */
export async function listenForWorkers(
  path: string,
  onHello: (channel: WorkerChannel, worker: number, pid: number) => boolean,
  onRefused: (reason: string) => void,
  identity: Identity | null = null,
): Promise<ControlServer> {
  // Workers in `hello` are held here only; afterwards their channels belong to their handles.
  const waiting = new Set<Socket>()
  const accept = (socket: Socket) => {
    waiting.add(socket)
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
      if (refusal !== null || message.type !== 'hello' || !onHello(channel, message.worker, message.pid))
        channel.close()
    })
  }
  let server = createServer(accept)
  let bound: Stats | undefined
  const start = async () => {
    const listening = listen(server, path, identity)
    bound = lstatSync(path, { throwIfNoEntry: false })
    await listening
  }
  await start()
  return {
    get isThere() {
      const found = lstatSync(path, { throwIfNoEntry: false })
      return found?.isSocket() === true && found.ino === bound?.ino && found.dev === bound.dev
    },
    async listenAgain() {
      // Before the next one has the path: closing removes what is there.
      server.close()
      server = createServer(accept)
      await start()
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

function listen(server: Server, path: string, identity: Identity | null): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.removeListener('error', reject)
      // Out of descriptors: this connection is lost, the worker ends and is replaced.
      server.on('error', () => {})
      resolve()
    })
    // The path is there when this returns.
    runAs(identity, () => server.listen(path))
  })
}
