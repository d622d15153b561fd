/**
 * Who has started this program, and would take its end for the end of the service. An upgrade under such a program would end the new Jumak
 * together with the old one. Runs in the master, at the start: later the parent may have gone. Linux; elsewhere nobody is known.
 *
 * Process 1 is also the parent of orphans, as a shell leaves them (`(jumak &)`): they are in the session of that shell, and in no service of
 * systemd. It waits for those that it has started, which are in its session or lead one of their own.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** They wait for their child. */
const NAMES: ReadonlySet<string> = new Set([
  'circusd',
  'foreman',
  'honcho',
  'runsv',
  's6-supervise',
  'supervise',
  'supervisord',
])

/** Its name; null: the parent is none that is known. */
export function waitingParent(pid: number = process.pid, parent: number = process.ppid, proc = '/proc'): string | null {
  try {
    const read = (name: string) => readFileSync(join(proc, name), 'utf8').trim()
    const name = read(`${parent}/comm`)
    if (name === 'systemd') return isService(read(`${pid}/cgroup`)) ? name : null
    if (parent !== 1) return NAMES.has(name) ? name : null
    const session = sessionOf(read(`${pid}/stat`))
    return session === 1 || session === pid ? `process 1 (${name})` : null
  } catch {
    return null
  }
}

/** The last step of the path names the unit: `shop.service`, or `session-3.scope` for what a shell has started. */
function isService(groups: string): boolean {
  return groups.split('\n').some(line => line.endsWith('.service'))
}

function sessionOf(stat: string): number {
  // After the name, which may contain anything: state, parent, group, session.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3])
}
