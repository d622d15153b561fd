/**
 * `npm run test:conformance`: the Autobahn test suite against the WebSocket engine; arguments choose its cases: `-- '1.*' '7.*'`.
 * `npm run test:conformance -- h2spec`: h2spec against the HTTP/2 engine; more arguments choose its sections: `-- h2spec http2/6.9`.
 * `npm run test:conformance -- gunicorn`: gunicorn's own black-box tests against `jumak gunicorn`.
 * Where a suite cannot be installed the command says why, which is a failure with CI=true only.
 */
import { SetupError } from '../../scripts/lib/python.ts'
import { autobahn } from './autobahn.ts'
import { gunicorn } from './gunicorn.ts'
import { h2spec } from './h2spec.ts'

const [first, ...rest] = process.argv.slice(2)
try {
  if (first === 'h2spec') process.exitCode = await h2spec(rest)
  else if (first === 'gunicorn') process.exitCode = await gunicorn(rest)
  else process.exitCode = await autobahn(process.argv.slice(2))
} catch (error) {
  const isSetup = error instanceof SetupError
  console.error(isSetup ? `skipped: ${error.message}` : error)
  process.exitCode = isSetup && process.env['CI'] !== 'true' ? 0 : 1
}
