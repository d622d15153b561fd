/** Benches of one test file, and what else it opens: everything is closed after each test. An import is enough: it registers the hook. */
import { afterEach } from 'node:test'
import { MAX_CONTENT } from '../wire/multiplex.ts'
import { AsgiBench } from './asgi-bench.ts'
import type { AsgiScript } from './fake-asgi-worker.ts'

/** Called after the test that runs, in order. */
export const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

export function makeBench(...options: ConstructorParameters<typeof AsgiBench>): AsgiBench {
  const bench = new AsgiBench(...options)
  cleanups.push(() => bench.close())
  return bench
}

/** For tests that await a deadline: the timers of links and deadlines do not keep a process alive. */
export function makeBenchThatWaits(...options: ConstructorParameters<typeof AsgiBench>): AsgiBench {
  const alive = setInterval(() => {}, 1000)
  cleanups.push(() => clearInterval(alive))
  return makeBench(...options)
}

/** Answers with the path and the content of the request. */
export const echo: AsgiScript = exchange => {
  const answer = () => exchange.respond(200, ['x-path', exchange.path], exchange.body)
  if (exchange.hasAllBody) answer()
  else exchange.events.once('body-end', answer)
  exchange.events.on('body', () => exchange.credit(MAX_CONTENT))
}
