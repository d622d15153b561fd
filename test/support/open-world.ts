/**
 * The program where every user can reach what it runs on. On a developer's machine the checkout or Python may lie in a directory that only
 * root may enter. In a mount namespace of the program's own such a directory has nothing but these paths; nothing of the machine changes.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { ROOT } from './paths.ts'
import { temporaryDirectory } from './project.ts'

/** For `skip`: why no other users can be tested here, or false. */
export function whyNoUsers(...users: readonly string[]): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root'
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) return 'needs unshare --mount'
  const missing = users.filter(user => spawnSync('id', [user]).status !== 0)
  return missing.length > 0 && `needs the users ${missing.join(', ')}`
}

/** The path of a program that is Jumak, where all may reach the checkout and these interpreters. */
export function openProgram(t: TestContext, pythons: readonly string[]): string {
  const needed = [ROOT, ...pythons.flatMap(python => [dirname(dirname(python)), prefixOf(python)])]
  const closed = new Map<string, Set<string>>()
  for (const path of needed) {
    const wall = closedAbove(path)
    if (wall !== null) closed.set(wall, (closed.get(wall) ?? new Set()).add(path))
  }
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o755)
  const lines: string[] = []
  let count = 0
  for (const [wall, paths] of closed) {
    const kept = [...paths].map(path => ({ path, place: join(directory, String(++count)) }))
    for (const { path, place } of kept) lines.push(`mkdir ${place}`, `mount --bind ${path} ${place}`)
    lines.push(`mount -t tmpfs -o mode=755 tmpfs ${wall}`)
    for (const { path, place } of kept) lines.push(`mkdir -p ${path}`, `mount --bind ${place} ${path}`)
  }
  const inside = join(directory, 'inside')
  writeFileSync(inside, `set -e\numask 022\n${lines.join('\n')}\ncd "$PWD"\nexec ${join(ROOT, 'bin/jumak')} "$@"\n`)
  const program = join(directory, 'jumak')
  writeFileSync(program, `#!/bin/sh\nexec unshare --mount sh ${inside} "$@"\n`, { mode: 0o755 })
  return program
}

/** Of the interpreter behind a virtual environment. */
const prefixOf = (python: string) => dirname(dirname(realpathSync(python)))

/** The uppermost directory of the path that others may not enter; null: there is none. */
function closedAbove(path: string): string | null {
  const above = dirname(path)
  const higher = above === path ? null : closedAbove(above)
  if (higher !== null || !existsSync(path)) return higher
  return (statSync(path).mode & 0o005) === 0o005 ? null : path
}
