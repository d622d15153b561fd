/**
 * The channel between master and gateway: Node's IPC, typed at both ends. The gateway opens its end with `openGatewayChannel(process)`,
 * the master with `openMasterChannel(child)`. Each end learns from `onClosed` that the other has died. Each end checks every message
 * before it believes it. Not for Python: preloader and workers speak JSON lines (`channel.ts`).
 */
import type { EventEmitter } from 'node:events'
import type { GatewayToMaster, MasterToGateway } from './messages.ts'
import { findShapeError, GATEWAY_SHAPES, MASTER_SHAPES, type Shapes } from './shapes.ts'

/** The part of `process` or a ChildProcess that both ends need. Tests give an EventEmitter with a `send`. */
export interface IpcEnd extends EventEmitter {
  readonly connected: boolean
  send?(message: unknown, callback?: (error: Error | null) => void): boolean
  disconnect?(): void
}

export interface IpcChannel<Out, In> {
  /** Never throws. A message to an end that has gone is dropped; `onClosed` says that it has gone. */
  send(message: Out): void
  /** `wrong`: something came that is not a message; it is dropped. `reason` continues a sentence: "the master sent …". */
  onMessage(callback: (message: In) => void, wrong: (reason: string) => void): void
  /** Called once, also when the channel is closed already. */
  onClosed(callback: () => void): void
  close(): void
}

export type GatewayChannel = IpcChannel<GatewayToMaster, MasterToGateway>
export type MasterChannel = IpcChannel<MasterToGateway, GatewayToMaster>

/** In the gateway: the channel to the master that spawned it. Pass `process`. */
export function openGatewayChannel(self: IpcEnd): GatewayChannel {
  return openIpc(self, MASTER_SHAPES)
}

/** In the master: the channel to a gateway spawned with `'ipc'` in its stdio. */
export function openMasterChannel(child: IpcEnd): MasterChannel {
  return openIpc(child, GATEWAY_SHAPES)
}

function openIpc<Out, In extends { readonly type: string }>(end: IpcEnd, shapes: Shapes<In>): IpcChannel<Out, In> {
  return {
    send(message) {
      if (!end.connected) return
      // With a callback there is no 'error' event for errors such as EPIPE, while the other end dies.
      end.send?.(message, () => {})
    },
    onMessage(callback, wrong) {
      end.on('message', message => {
        const error = findShapeError(message, shapes)
        if (error === null) callback(message as In)
        else wrong(error)
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
