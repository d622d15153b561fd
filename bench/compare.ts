/**
 * `npm run bench:compare BASE HEAD`: what a commit changed since another one, measured in turns in one run. Each is a checkout of its
 * own; all use the dependencies that are installed here.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  checkMachine,
  gatewayThreadsOf,
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

const HELP = `usage: npm run bench:compare -- [--scene NAME]... [LOAD] BASE... HEAD

examples:
  npm run bench:compare -- HEAD~3 HEAD
  npm run bench:compare -- --scene hello --scene asgi-hello --rounds 25 main my-branch
  npm run bench:compare -- --rounds 25 main main my-branch   (how far two equal commits differ)
  npm run bench:compare -- --gateway-threads 1 --gateway-threads 2 HEAD HEAD   (what a second gateway thread costs)

--scene  ${SCENES.map(scene => scene.name).join(', ')}
${HELP_OF_LOAD}, given twice: of each BASE, and of HEAD
HEAD is compared with each BASE: what is below 1 × has become cheaper.`

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: LOAD_OPTIONS, allowPositionals: true })
  if (values.help) {
    console.log(HELP)
    return
  }
  const scenes = scenesOf(values.scene)
  const load = loadOf(values)
  if (positionals.length < 2)
    throw new UsageError(`two commits are needed, BASE and HEAD; given: ${positionals.join(' ') || 'none'}`)
  const [bases, head] = [positionals.slice(0, -1), positionals.at(-1)!]
  const threads = gatewayThreadsOf(values)
  if (threads.length > 2) throw new UsageError('--gateway-threads is given twice at most: for each BASE, and for HEAD')
  checkMachine(scenes)
  const directory = mkdtempSync(join(tmpdir(), 'jumak-compare-'))
  const checkouts = [
    { commit: head, name: 'HEAD', path: join(directory, 'head'), threads: threads.at(-1)! },
    ...bases.map((commit, index) => {
      const name = bases.length === 1 ? 'BASE' : `BASE ${index + 1}`
      return { commit, name, path: join(directory, `base-${index}`), threads: threads[0]! }
    }),
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
    const stacks = checkouts.map(({ commit, name, path, threads }) =>
      jumak(`${name} ${commit}${threads === 1 ? '' : `, ${threads} gateway threads`}`, path, threads),
    )
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
