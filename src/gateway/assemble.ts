/**
 * Puts a request's path together from the gateway's parts: protocol, `serve`, middleware, handlers. Folded once, when the gateway starts: a
 * request pays nothing for what is off. Runs in the gateway.
 */
import type { Exchange, Handler } from '../http/exchange.ts'
import type { Protocol } from '../http/protocol.ts'
import { createHttp1 } from '../http1/protocol.ts'
import { accessLog } from '../middleware/access-log.ts'
import { health } from '../middleware/health.ts'
import { createWebSocketEngine } from '../websocket/engine.ts'
import { Connections } from './connections/connections.ts'
import { renderError, respondWithError } from './errors/error-response.ts'
import type { GatewayParts } from './parts.ts'
import { createServe } from './serve.ts'

/** From the outside in: what is asked first stands last. */
export function assembleHandler(parts: GatewayParts): Handler {
  const { config, applications } = parts
  const [application] = applications.values()
  const { handler, codeGuard } = application!
  const logged = parts.onAnswered === null ? handler : accessLog(parts.onAnswered)(handler)
  // Neither the question of an error page nor that of a load balancer is a request of a client.
  const asked = codeGuard === null ? logged : codeGuard.middleware(logged)
  const { live, ready } = config.health
  return live === null && ready === null ? asked : health(config.health, parts.whyNotReady)(asked)
}

/** What a protocol calls with each new exchange. */
function assembleServe(parts: GatewayParts): (exchange: Exchange) => void {
  const { config, log, pages, onAnswered } = parts
  return createServe({
    handler: assembleHandler(parts),
    trusted: parts.trusted,
    respond: (exchange, error) => respondWithError(exchange, error, pages),
    forwardedHeaders: config.forwardedHeaders,
    onRefused: (exchange, error) => {
      log('debug', `refused ${exchange.peer.address || 'client'}: ${error.message}`, exchange.id)
      if (onAnswered !== null) exchange.onClosed(() => onAnswered(exchange))
    },
    onBug: (error, exchange) => {
      const { method, target } = exchange.request
      log('error', `${method} ${target}: ${error.stack ?? error.message}`, exchange.id)
    },
  })
}

function assembleHttp1(parts: GatewayParts): Protocol {
  const { config, memory, pages, refusals, onAnswered } = parts
  return createHttp1({
    limits: config.limits,
    timeouts: config.timeouts,
    onExchange: assembleServe(parts),
    renderError: (status, accept, detail) => renderError(status, accept, detail, pages),
    webSockets: createWebSocketEngine(config, memory.budget),
    memory: memory.budget,
    onProtocolError: (error, peer, request) => refusals.request(error, peer.address || 'client', request),
    onAnswered: entry => onAnswered?.(entry),
  })
}

/** Everything from an accepted socket to the application. */
export function assembleConnections(parts: GatewayParts): Connections {
  const { config, refusals, trusted } = parts
  const { connections, connectionsPerAddress } = config.limits
  return new Connections(assembleHttp1(parts), {
    limits: config.limits,
    isExempt: address => trusted.isTrusted(address),
    onFull: () => refusals.connection(connections),
    onAddressFull: address => refusals.connectionFrom(address, connectionsPerAddress),
  })
}
