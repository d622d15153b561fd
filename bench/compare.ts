/**
 * `npm run bench:compare BASE HEAD`: measures what the second of two commits changed, in turns in one run. Each commit is a checkout of
 * its own. Both use the dependencies that are installed here.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  checkMachine,
  HELP_OF_LOAD,
  LOAD_OPTIONS,
  loadOf,
  runCommand,
  runScenes,
  scenesOf,
  UsageError,
} from './command.ts'
import { SCENES } from './scenes.ts'
import { jumak, ROOT } from './stacks.ts'

const HELP = `usage: npm run bench:compare -- [--scene NAME]... [LOAD] BASE HEAD

examples:
  npm run bench:compare -- HEAD~3 HEAD
  npm run bench:compare -- --scene hello --scene asgi-hello --rounds 25 main my-branch

--scene  ${SCENES.map(scene => scene.name).join(', ')}
${HELP_OF_LOAD}
HEAD is compared with BASE: what is below 1 × has become cheaper.`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: LOAD_OPTIONS, allowPositionals: true })
  if (values.help) {
    console.log(HELP)
    return
  }
  const scenes = scenesOf(values.scene)
  const load = loadOf(values)
  const [base, head] = positionals
  if (base === undefined || head === undefined || positionals.length > 2)
    throw new UsageError(`two commits are needed, BASE and HEAD; given: ${positionals.join(' ') || 'none'}`)
  checkMachine()
  const directory = mkdtempSync(join(tmpdir(), 'jumak-compare-'))
  const checkouts = [
    { commit: head, name: 'HEAD', path: join(directory, 'head') },
    { commit: base, name: 'BASE', path: join(directory, 'base') },
  ]
  try {
    for (const { commit, path } of checkouts) {
      try {
        git('worktree', 'add', '--detach', '--quiet', path, commit)
      } catch {
        throw new UsageError(`${commit}: no such commit here`)
      }
      symlinkSync(join(ROOT, 'node_modules'), join(path, 'node_modules'))
    }
    const stacks = checkouts.map(({ commit, name, path }) => jumak(`${name} ${commit}`, path))
    const results = await runScenes(scenes, stacks, load)
    if (results.some(({ results }) => results.some(({ failure }) => failure !== null))) process.exitCode = 1
  } finally {
    rmSync(directory, { recursive: true })
    git('worktree', 'prune')
  }
}

function git(...args: string[]): void {
  execFileSync('git', ['-C', ROOT, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
}

await runCommand('bench:compare', 'bench:compare', main)
