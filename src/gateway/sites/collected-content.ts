/**
 * Collects the content of a request before a server is asked: where the server has to know the length first (FastCGI, SCGI and uwsgi), and where
 * `proxy-request-buffering` says so. Runs in the gateway.
 *
 * Bounds: MEMORY_BYTES in memory, the rest in a temporary file, all of it as `limit-request-body` says.
 */
import { RequestBody, tooMuchStored } from '../../apps/pool/body.ts'
import type { MemoryBudget } from '../../base/memory-budget.ts'
import type { TemporarySpace } from '../../base/temporary-space.ts'
import { ClientGoneError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import type { OutgoingBody } from '../../upstream/call-request.ts'

/** As an application's `limits.memoryBuffer` by default. */
const MEMORY_BYTES = 1024 ** 2

/** Content that has come whole. */
export interface CollectedContent extends OutgoingBody {
  readonly length: number
}

export interface CollectParts {
  readonly space: TemporarySpace
  readonly memory: MemoryBudget
  readonly refuse: (exchange: Exchange, error: Error) => void
}

/** Calls `done` once, when all is there, or `refuse`, or nobody if the client has gone. */
export function collectContent(
  exchange: Exchange,
  { space, memory, refuse }: CollectParts,
  done: (content: CollectedContent) => void,
): void {
  let hasFailed = false
  const fail = (error: Error): void => {
    if (hasFailed) return
    hasFailed = true
    body.close()
    if (!(error instanceof ClientGoneError)) refuse(exchange, error)
    // The rest of the content is thrown away.
    exchange.body.resume()
  }
  // Declared content is refused before a byte of it is read, chunked content when so much has come.
  const { length } = exchange.body
  if (length === undefined ? !space.hasRoom : length > MEMORY_BYTES && !space.hasRoomFor(length - MEMORY_BYTES)) {
    refuse(exchange, tooMuchStored())
    return
  }
  const body = new RequestBody({
    space,
    memory,
    expected: length,
    memoryBytes: MEMORY_BYTES,
    onRoom: () => exchange.body.resume(),
    onError: fail,
  })
  exchange.onClosed(() => body.close())
  exchange.body.pull({
    onData: chunk => hasFailed || body.append(chunk),
    onEnd: () => {
      if (!hasFailed) body.seal(() => done(collected(body)))
    },
    onError: fail,
  })
}

function collected(body: RequestBody): CollectedContent {
  const { inline, length } = body
  return {
    length,
    onFailed: () => {},
    isAtHand: true,
    read: (position, done) => {
      if (inline === null) body.read(position, done)
      else done(null, Buffer.from(position === 0 ? inline : '', 'latin1'))
    },
    close: () => body.close(),
  }
}
