/**
 * Makes the links of a pool's workers: WSGI has a link for each slot, ASGI and WSGI in greenlets have one for all. Runs in the gateway. The
 * only file that knows `pool/`, `wsgi/` and `asgi/` together: what only a wire needs (relay limits, root path, timeouts) stays out of the
 * pool.
 */
import { DeadlineList } from '../base/deadlines.ts'
import type { MemoryBudget } from '../base/memory-budget.ts'
import type { TemporarySpace } from '../base/temporary-space.ts'
import type { AppLimits, AppTimeouts } from '../config/types.ts'
import { applicationRoot } from '../http/application-root.ts'
import { MultiplexedLink, type MultiplexedSettings } from './asgi/link.ts'
import type { LinkFactory } from './pool/link-owner.ts'
import type { SocketPassing } from './raw/passing.ts'
import { EnvironWriter } from './wire/environ.ts'
import { FrameWriter } from './wire/frame-writer.ts'
import { ScopeWriter } from './wire/scope.ts'
import { RequestDeadlines, RequestTimes } from './worker/request-times.ts'
import { SlotLink, type SlotLinkSettings } from './wsgi/link.ts'

export interface LinkOptions {
  readonly limits: AppLimits
  readonly timeouts: AppTimeouts
  /** For what does not fit into memory. */
  readonly space: TemporarySpace
  readonly memory: MemoryBudget
  readonly build: string
  /** `--root-path`: empty, or as in `/outer`. */
  readonly rootPath: string
  /** The application's own path: empty, or as in `/shop`. Both together are SCRIPT_NAME of WSGI, `root_path` of ASGI. */
  readonly appPath?: string
  /** For a client to take something of what waits for it, and the silence after which it is asked whether it is there; 0, or left out: any time. */
  readonly clientTimeouts?: { readonly send: number; readonly websocketPing: number }
  /** Threads of the gateway, which all have links to a worker. 1 by default. */
  readonly threads?: number
  /** How a client's socket is passed to a worker; null: it is not. */
  readonly passing?: () => SocketPassing | null
}

/** For a worker to accept its first links and say hello. The worker is ready before the gateway is told of it. */
const HELLO_TIMEOUT_MS = 30_000
/** For the client of a WebSocket to close behind our FIN. */
const LINGER_MS = 2000

export function linkFactory({
  limits,
  timeouts,
  space,
  memory,
  build,
  rootPath,
  appPath = '',
  clientTimeouts = { send: 0, websocketPing: 0 },
  threads = 1,
  passing = () => null,
}: LinkOptions): LinkFactory {
  const times = new RequestTimes(timeouts, rootPath, appPath)
  const root = applicationRoot(rootPath, appPath)
  const shared = {
    helloDeadlines: new DeadlineList(HELLO_TIMEOUT_MS),
    relayLimits: { space, memory, memoryBuffer: limits.memoryBuffer, responseBuffer: limits.responseBuffer },
  }
  const tunnels = {
    memory,
    send: new DeadlineList(clientTimeouts.send),
    sendMs: clientTimeouts.send,
    passing,
    linger: new DeadlineList(LINGER_MS),
    watchMs: clientTimeouts.websocketPing,
  }
  const wsgi: SlotLinkSettings = {
    ...shared,
    requestDeadlines: new RequestDeadlines(times),
    root,
    writer: new FrameWriter(),
    tunnels,
  }
  const asgi: MultiplexedSettings = {
    ...shared,
    times,
    streamIdleMs: timeouts.streamIdle,
    threads,
    head: new ScopeWriter(root),
    handshakes: null,
  }
  const green: MultiplexedSettings = { ...asgi, head: new EnvironWriter(root), handshakes: { tunnels, root } }
  return ({ worker: id, pid, socket, slots, interface: wire, isGreen, isApart }, worker, owner) => {
    const address = { worker: id, pid, socket, slots, isApart, build }
    if (wire === 'asgi') return [new MultiplexedLink(address, worker, owner, asgi)]
    if (isGreen) return [new MultiplexedLink(address, worker, owner, green)]
    return Array.from({ length: slots }, (_, slot) => {
      // A thread of a worker serves all threads of the gateway: each link must get that very one.
      const own = threads === 1 ? address : { ...address, socket: `${socket}.${slot}` }
      return new SlotLink(own, worker, owner, wsgi)
    })
  }
}
