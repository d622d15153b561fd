/** The content of a request that has none, for requests that no client sent. It keeps nothing, so all of them have the same. Pure. */
import type { BodyReader } from './exchange.ts'

export const NO_CONTENT: BodyReader = {
  length: 0,
  isPulled: false,
  limitTo: () => null,
  pull: consumer => consumer.onEnd([]),
  resume() {},
}
