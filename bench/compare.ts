/**
 * `npm run bench:compare BASE HEAD`: what the second of two commits changed, measured in turns in one run. Each is a checkout of its
 * own; both use the dependencies that are installed here.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fail, HELP_OF_LOAD, LOAD_OPTIONS, loadOf, parseArguments, prepared, runScenes, scenesOf } from './command.ts'
import { SCENES } from './scenes.ts'
import { jumak, ROOT } from './stacks.ts'

const HELP = `usage: npm run bench:compare -- [--scene NAME]... [LOAD] BASE HEAD

examples:
  npm run bench:compare -- HEAD~3 HEAD
  npm run bench:compare -- --scene hello --scene asgi-hello --rounds 25 main my-branch

--scene  ${SCENES.map(scene => scene.name).join(', ')}
${HELP_OF_LOAD}
HEAD is compared with BASE: what is below 1 × has become cheaper.`

async function main(): Promise<number> {
  const values = parseArguments(LOAD_OPTIONS, 2)
  if (typeof values === 'string') return fail(values)
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const scenes = scenesOf(values.scene)
  const load = loadOf(values)
  if (typeof scenes === 'string') return fail(scenes)
  if (typeof load === 'string') return fail(load)
  const [base, head] = values.given
  if (base === undefined || head === undefined || values.given.length > 2)
    return fail(`two commits are needed, BASE and HEAD; given: ${values.given.join(' ') || 'none'}`)
  const missing = prepared()
  if (missing !== null) return fail(missing)
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
        return fail(`${commit}: no such commit here`)
      }
      symlinkSync(join(ROOT, 'node_modules'), join(path, 'node_modules'))
    }
    const stacks = checkouts.map(({ commit, name, path }) => jumak(`${name} ${commit}`, path))
    const results = await runScenes(scenes, stacks, load)
    return results.every(({ results }) => results.every(({ failure }) => failure === null)) ? 0 : 1
  } finally {
    rmSync(directory, { recursive: true })
    git('worktree', 'prune')
  }
}

function git(...args: string[]): void {
  execFileSync('git', ['-C', ROOT, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
}

process.exitCode = await main()
