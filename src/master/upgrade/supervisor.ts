/**
 * Who has started this program, and would take its end for the end of the service. An upgrade under such a program would end the new Jumak
 * together with the old one. Runs in the master, at the start: later the parent may have gone. Linux; elsewhere only process 1 is known.
 */
import { readFileSync } from 'node:fs'

/** They wait for their child. systemd can be told another main process (`NOTIFY_SOCKET`). */
const NAMES: ReadonlySet<string> = new Set([
  'catatonit',
  'circusd',
  'docker-init',
  'dumb-init',
  'foreman',
  'honcho',
  'runsv',
  's6-supervise',
  'supervise',
  'supervisord',
  'systemd',
  'tini',
])

/** Its name; null: the parent is none that is known. */
export function waitingParent(parent: number = process.ppid): string | null {
  const name = nameOf(parent)
  if (name !== null && NAMES.has(name)) return name
  return parent === 1 ? 'process 1' : null
}

function nameOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return null
  }
}
