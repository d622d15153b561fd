/**
 * How much memory a process costs. PSS where the kernel tells it: a page that several forked workers share is divided among them, so the
 * sum over all processes is correct. Otherwise RSS, which counts shared pages in full. Runs in the master.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'

export interface Memory {
  readonly bytes: number
  readonly kind: 'PSS' | 'RSS'
}

const PS_MS = 5000

/** Null: the process has gone, or the system does not tell. */
export async function readMemory(pid: number): Promise<Memory | null> {
  return (
    (await readField(`/proc/${pid}/smaps_rollup`, 'Pss', 'PSS')) ??
    (await readField(`/proc/${pid}/status`, 'VmRSS', 'RSS')) ??
    (process.platform === 'linux' ? null : askPs(pid))
  )
}

/** `Name:   1234 kB`. Read asynchronously, because the kernel collects the numbers during the read. */
async function readField(path: string, name: string, kind: Memory['kind']): Promise<Memory | null> {
  try {
    const line = (await readFile(path, 'latin1')).split('\n').find(one => one.startsWith(`${name}:`))
    const found = /^\s+(\d+) kB$/.exec(line?.slice(name.length + 1) ?? '')
    return found === null ? null : { bytes: Number(found[1]) * 1024, kind }
  } catch {
    return null
  }
}

/** For macOS and BSD. */
function askPs(pid: number): Promise<Memory | null> {
  return new Promise(resolve => {
    execFile('ps', ['-o', 'rss=', '-p', String(pid)], { timeout: PS_MS }, (error, output) => {
      const kilobytes = Number(output.trim() || 'nothing')
      resolve(error !== null || !Number.isFinite(kilobytes) ? null : { bytes: kilobytes * 1024, kind: 'RSS' })
    })
  })
}
