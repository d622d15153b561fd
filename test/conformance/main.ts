/**
 * `npm run test:conformance`: the Autobahn test suite against the WebSocket engine; arguments choose its cases: `-- '1.*' '7.*'`.
 * `npm run test:conformance -- h2spec`: h2spec against the HTTP/2 engine; more arguments choose its sections: `-- h2spec http2/6.9`.
 * Where a suite cannot be installed the command says why, which is a failure with CI=true only.
 */
import { SetupError } from '../../scripts/lib/python.ts'
import { autobahn } from './autobahn.ts'
import { h2spec } from './h2spec.ts'

const [first, ...rest] = process.argv.slice(2)
try {
  process.exitCode = first === 'h2spec' ? await h2spec(rest) : await autobahn(process.argv.slice(2))
} catch (error) {
  const isSetup = error instanceof SetupError
  console.error(isSetup ? `skipped: ${error.message}` : error)
  process.exitCode = isSetup && process.env['CI'] !== 'true' ? 0 : 1
}
