/** A directory of its own, and a small disk in one, for scenarios that fill it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Skip } from './scenario.ts'

export async function inDirectory(act: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-chaos-'))
  try {
    await act(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Throws Skip where nothing may be mounted. `directory`: has the disk in it. */
export function onSmallDisk(bytes: number, act: (disk: string, directory: string) => Promise<void>): Promise<void> {
  return inDirectory(async directory => {
    const disk = join(directory, 'disk')
    mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'chaos', disk], { stdio: 'pipe' })
    } catch {
      throw new Skip('no tmpfs may be mounted here')
    }
    try {
      await act(disk, directory)
    } finally {
      execFileSync('umount', ['-l', disk])
    }
  })
}
