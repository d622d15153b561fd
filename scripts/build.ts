/** `npm run build`, and part of `npm pack`: compiles src/ to dist/, because Node does not strip types under node_modules. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './lib/command.ts'
import { TSC } from './lib/tools.ts'

const root = join(import.meta.dirname, '..')
rmSync(join(root, 'dist'), { recursive: true, force: true })
const { code, output } = await run(process.execPath, [TSC, '-p', 'tsconfig.build.json'], { cwd: root })
// Standard output belongs to npm pack --json.
process.stderr.write(output)
process.exitCode = code
