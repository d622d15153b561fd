/**
 * The channel between master and gateway: Node's IPC, typed on both sides. The gateway opens its end with
 * `openGatewayChannel(process)`, the master with `openMasterChannel(child)`. Either end learns of the other's death by
 * `onClosed`. Not for Python: the preloader and the workers speak JSON lines (`channel.ts`).
 */
import type { EventEmitter } from 'node:events'
import type { GatewayToMaster, MasterToGateway } from './messages.ts'

/** What both ends need of `process` or a ChildProcess; tests give an EventEmitter with a `send`. */
export interface IpcEnd extends EventEmitter {
  readonly connected: boolean
  send?(message: unknown, callback?: (error: Error | null) => void): boolean
  disconnect?(): void
}

export interface IpcChannel<Out, In> {
  /** Never throws: a message to an end that has gone is dropped, `onClosed` tells. */
  send(message: Out): void
  onMessage(callback: (message: In) => void): void
  /** Called once, also when the channel was closed before. */
  onClosed(callback: () => void): void
  close(): void
}

export type GatewayChannel = IpcChannel<GatewayToMaster, MasterToGateway>
export type MasterChannel = IpcChannel<MasterToGateway, GatewayToMaster>

/** In the gateway: the channel to the master that spawned it. Pass `process`. */
export function openGatewayChannel(self: IpcEnd): GatewayChannel {
  return openIpc(self)
}

/** In the master: the channel to a gateway spawned with `'ipc'` in its stdio. */
export function openMasterChannel(child: IpcEnd): MasterChannel {
  return openIpc(child)
}

function openIpc<Out, In>(end: IpcEnd): IpcChannel<Out, In> {
  return {
    send(message) {
      if (!end.connected) return
      // With a callback, errors (EPIPE while the other end dies) come there and not as an 'error' event.
      end.send?.(message, () => {})
    },
    onMessage(callback) {
      end.on('message', message => {
        if (typeof message === 'object' && message !== null && 'type' in message) callback(message as In)
      })
    },
    onClosed(callback) {
      if (end.connected) end.once('disconnect', callback)
      else queueMicrotask(callback)
    },
    close() {
      if (end.connected) end.disconnect?.()
    },
  }
}
