/**
 * The program with a part of its configuration replaced, for tests of what no flag says: JUMAK_TEST_CONFIG is JSON of a
 * partial `Config`. Otherwise as `src/cli/main.ts`.
 */
import { parseArguments } from '../../src/config/arguments.ts'
import { processEnvironment } from '../../src/config/environment.ts'
import { loadConfig } from '../../src/config/load.ts'
import { runMaster } from '../../src/master/main.ts'

process.on('SIGUSR1', () => {})
const loaded = loadConfig(parseArguments(process.argv.slice(2)), processEnvironment())
if ('diagnostics' in loaded) throw new Error(JSON.stringify(loaded.diagnostics))
const changes = JSON.parse(process.env['JUMAK_TEST_CONFIG'] ?? '{}')
const code = await runMaster({ ...loaded.config, ...changes })
process.exitCode = code
setTimeout(() => process.exit(code), 500).unref()
