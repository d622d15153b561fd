/** Directories and surroundings for tests. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { findLine } from '../machine/accounts.ts'
import type { Environment } from '../machine/environment.ts'

/** A temporary directory with these files (path → text), removed after the test. Its path has no symbolic links. */
export function makeTree(t: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'jumak-config-')))
  t.after(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const ACCOUNTS = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\nme:x:1000:1000::/home/me:/bin/sh\n',
  group: 'root:x:0:\nwww-data:x:33:\nstaff:x:50:\n',
}

/** A machine of four cores without /proc and control groups, unless the tree has them as `proc` and `cgroup`. */
export function makeEnvironment(cwd: string, changes: Partial<Environment> = {}): Environment {
  return {
    cwd,
    pwd: undefined,
    temporaryDirectory: '/tmp',
    machine: {
      cgroupRoot: join(cwd, 'cgroup'),
      procRoot: join(cwd, 'proc'),
      onlineCores: 4,
      parallelism: 4,
      memoryBytes: 4 * 1024 ** 3,
      nodeVersion: '26.0.0',
      canCopyDescriptors: true,
      ownFile: '/jumak',
    },
    variables: {},
    platform: 'linux',
    uid: 1000,
    gid: 1000,
    findAccount: (database, key) => findLine(ACCOUNTS[database], key),
    ...changes,
  }
}
