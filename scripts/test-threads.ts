/**
 * `npm run test:threads`: what is only about several threads of the gateway (`test/e2e/threads/`); and the end-to-end tests about processes,
 * deploys, overload, WebSockets, stops and affinity once more, with three threads. `npm test` runs these with one.
 */
const THREADS = '3'
const FILES = [
  'test/e2e/threads/*.test.ts',
  'test/e2e/30-processes.test.ts',
  'test/e2e/43-affinity.test.ts',
  'test/e2e/56-websocket.test.ts',
  'test/e2e/60-overload.test.ts',
  'test/e2e/62-deploy.test.ts',
  'test/e2e/62-shutdown.test.ts',
  'test/e2e/63-stop.test.ts',
]

// Every start of the program reads it (`test/support/server.ts`).
process.env['TEST_GATEWAY_THREADS'] = THREADS
process.argv.push(...FILES)
await import('./test.ts')
