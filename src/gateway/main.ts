/**
 * Entry of the gateway process. The gateway owns every connection of a client and the queue before the workers. The master tells it where
 * to listen and which workers there are; the gateway reports what becomes of them.
 *
 * It ends when the master tells it to drain. When the master is gone, it stops accepting, finishes what runs within a few seconds and
 * leaves, so that the port is free for the next start. It writes its log through the master; only the access log is its own.
 * With one thread all of it runs here (`one-thread.ts`), and nothing that several threads need is loaded. With several this thread accepts,
 * and the others serve (`threads/group.ts`).
 */
import { dropPrivileges } from '../base/privileges.ts'
import type { Identity } from '../config/types.ts'
import { openGatewayChannel } from '../control/ipc.ts'
import type { GatewayStart, MasterToGateway } from '../control/messages.ts'
import { parts as loadWebSockets } from '../websocket/ws.ts'
import { loadFrontServers, loadProxyProtocol, loadSites } from './assemble.ts'
import { loadHandshakes, loadRemote, type RunningGateway } from './gateway.ts'
import { leave } from './leave.ts'
import { startOneThread } from './one-thread.ts'

/** The listening sockets are here already. Nothing is served with more rights than the operator asked for. */
function dropOrLeave(identity: Identity): void {
  try {
    dropPrivileges(identity)
  } catch (error) {
    leave(`cannot drop privileges: ${(error as Error).message}`)
  }
}

function pass(message: Exclude<MasterToGateway, GatewayStart>, gateway: RunningGateway): void {
  if (message.type === 'accept') gateway.accept()
  else gateway.onMessage(message)
}

function main(): void {
  const channel = openGatewayChannel(process)
  let gateway: RunningGateway | null = null
  /** Messages that came while the gateway was being made. Null: it has not begun. */
  let waiting: Exclude<MasterToGateway, GatewayStart>[] | null = null

  async function begin(start: GatewayStart): Promise<void> {
    waiting = []
    const { gatewayIdentity, gatewayThreads } = start.config
    // Before the rights are dropped: the user of the gateway may not be able to read the program's files.
    const isOneThread = gatewayThreads === 1
    if (isOneThread) loadWebSockets()
    // HUP may bring the first site.
    if (isOneThread && gatewayIdentity !== null) loadSites().loadProxied()
    if (isOneThread && start.listeners.some(({ hasProxyHeader }) => hasProxyHeader)) loadProxyProtocol()
    if (isOneThread && start.listeners.some(({ scheme }) => scheme !== 'http' && scheme !== 'https')) loadFrontServers()
    const handshakes = isOneThread ? await loadHandshakes(start) : null
    const remote = isOneThread ? await loadRemote(start) : null
    if (gatewayIdentity !== null) dropOrLeave(gatewayIdentity)
    const send = channel.send
    const running = isOneThread
      ? startOneThread(start, send, handshakes, remote)
      : await (await import('./threads/group.ts')).startThreads(start, send)
    gateway = running
    for (const message of waiting) pass(message, running)
  }

  channel.onMessage(
    message => {
      if (message.type === 'start') {
        if (waiting !== null) throw new Error('the master said start twice')
        void begin(message)
      } else if (gateway !== null) pass(message, gateway)
      else waiting?.push(message)
    },
    reason => {
      if (gateway === null) leave(`the master sent ${reason}`)
      // The messages before it still hold.
      else channel.send({ type: 'log', level: 'error', message: `the master sent ${reason}` })
    },
  )
  channel.onClosed(() => {
    // The master is gone, or has ended this process after a drain.
    void Promise.resolve(gateway?.end()).then(() => process.exit(0))
  })
  // An init system or a terminal signals every process at once. The master decides when the gateway ends.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
}

main()
