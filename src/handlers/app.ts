/**
 * Hands exchanges to the application. Runs in the gateway.
 *
 * For a WSGI application the whole request content is read first, into memory and then a temporary file. So a slow client costs no
 * worker, and a client that leaves meanwhile costs nothing. For an ASGI application, and with `requestBuffering` off (of the application or
 * of the location), only content that
 * fits into one frame is read first. Larger content goes to the worker while it arrives.
 * Not here: which worker gets the request, and its answer (`apps/pool/`).
 */
import { AddressFullError, type AddressLimit, countRequest, NO_LIMIT } from '../apps/pool/address-limit.ts'
import { MAX_INLINE_BODY, RequestBody, tooMuchStored } from '../apps/pool/body.ts'
import { LiveBody } from '../apps/pool/live-body.ts'
import type { AppPool } from '../apps/pool/pool.ts'
import type { MemoryBudget } from '../base/memory-budget.ts'
import type { TemporarySpace } from '../base/temporary-space.ts'
import type { AppLimits } from '../config/types.ts'
import { ClientGoneError, HttpError } from '../http/errors.ts'
import type { Exchange, Handler, RequestHead } from '../http/exchange.ts'
import { fieldsWith } from '../http/headers.ts'

export interface AppHandlerOptions {
  readonly requestBuffering: boolean
  readonly limits: AppLimits
  readonly space: TemporarySpace
  readonly memory: MemoryBudget
  /** The same as in the pool. Left out: an address may have any number of requests. */
  readonly perAddress?: AddressLimit
  /** The same as in the pool: answers while the response is idle, cuts it when it has started. */
  readonly onError: (exchange: Exchange, error: Error) => void
}

export function appHandler(pool: AppPool, options: AppHandlerOptions): Handler {
  return exchange => {
    const { length, isPulled } = exchange.body
    // Pulled: another application has had it, and this one answers in its place (X-Accel-Redirect, a page of an error).
    if (length === 0 || isPulled) {
      if (isPulled && length !== 0) exchange.request = withoutContent(exchange.request)
      pool.handle(exchange, null)
      return
    }
    const { limits } = exchange
    const tooLarge = exchange.body.limitTo(limits?.bodyLimit ?? options.limits.body)
    if (tooLarge !== null) options.onError(exchange, tooLarge)
    else if (
      (length === undefined || length > MAX_INLINE_BODY) &&
      (!(limits?.requestBuffering ?? options.requestBuffering) || pool.interface === 'asgi')
    )
      goOnLive(exchange, options, pool)
    else collect(exchange, options, pool)
  }
}

/** An application that believed its length would wait for content that does not come. */
function withoutContent(request: RequestHead): RequestHead {
  const isOfContent = (name: string) => name === 'content-length' || name === 'transfer-encoding'
  return { ...request, headers: fieldsWith(request.headers, name => !isOfContent(name)) }
}

/** The content goes to a worker while it arrives. */
function goOnLive(
  exchange: Exchange,
  { perAddress = NO_LIMIT, memory, onError }: AppHandlerOptions,
  pool: AppPool,
): void {
  const counted = countRequest(perAddress, exchange)
  if (counted === null) {
    onError(exchange, new AddressFullError())
    return
  }
  const body = new LiveBody(exchange.body, memory)
  body.onComplete = () => counted.end()
  pool.handle(exchange, body, counted)
}

function collect(exchange: Exchange, options: AppHandlerOptions, pool: AppPool): void {
  const { space, memory, limits, perAddress = NO_LIMIT } = options
  const { length = 0 } = exchange.body
  // Declared content is refused before a byte of it is read, chunked content when so much has come.
  if (length > limits.memoryBuffer && !space.hasRoomFor(length - limits.memoryBuffer)) {
    options.onError(exchange, tooMuchStored())
    return
  }
  // Content of this length never comes with its head. Whether shorter content has, `pull` shows.
  const isLong = length > MAX_INLINE_BODY
  let counted = isLong ? countRequest(perAddress, exchange) : null
  if (isLong && counted === null) {
    options.onError(exchange, new AddressFullError())
    return
  }
  let isComplete = false
  let failed = false
  const body = new RequestBody({
    space,
    memory,
    expected: exchange.body.length,
    memoryBytes: limits.memoryBuffer,
    onRoom: () => exchange.body.resume(),
    onError: error => {
      failed = true
      fail(error instanceof HttpError ? error : notStored(error))
      // The rest of the content is thrown away.
      exchange.body.resume()
    },
  })
  const fail = (error: Error) => {
    body.close()
    counted?.end()
    const { state } = exchange.response
    if (!(error instanceof ClientGoneError) && (state === 'idle' || state === 'started'))
      options.onError(exchange, error)
  }
  exchange.body.pull({
    onData: chunk => failed || body.append(chunk),
    onEnd: () => {
      isComplete = true
      if (!failed) body.seal(() => pool.handle(exchange, body, counted))
    },
    onError: error => {
      if (failed) return
      failed = true
      fail(error)
    },
  })
  if (isComplete || failed || counted !== null) return
  counted = countRequest(perAddress, exchange)
  if (counted !== null) return
  failed = true
  fail(new AddressFullError())
  // The rest of the content is thrown away.
  exchange.body.resume()
}

function notStored({ code, message }: NodeJS.ErrnoException): HttpError {
  const status = code === 'ENOSPC' || code === 'EDQUOT' ? 507 : 500
  return new HttpError(status, `The request's content could not be stored (${code ?? message})`, 'operator')
}
