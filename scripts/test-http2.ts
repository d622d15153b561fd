/**
 * `npm run test:http2`: what is only about HTTP/2 (`test/e2e/http2/`); and end-to-end tests once more, with clients of HTTP/2 instead of
 * HTTP/1 (`test/support/translator.ts`): WSGI, ASGI, WebSockets, streaming, frameworks, limits, deploys and stops. `npm test` runs these
 * with HTTP/1.
 */
const FILES = [
  'test/e2e/http2/*.test.ts',
  'test/e2e/20-wsgi.test.ts',
  'test/e2e/40-django.test.ts',
  'test/e2e/45-flask.test.ts',
  'test/e2e/55-asgi.test.ts',
  'test/e2e/56-websocket.test.ts',
  'test/e2e/57-django-asgi.test.ts',
  'test/e2e/58-starlette.test.ts',
  'test/e2e/60-overload.test.ts',
  'test/e2e/62-deploy.test.ts',
  'test/e2e/62-shutdown.test.ts',
  'test/e2e/63-stop.test.ts',
]

// Every start of the program reads it (`test/support/server.ts`).
process.env['TEST_HTTP'] = '2'
process.argv.push(...FILES)
await import('./test.ts')
