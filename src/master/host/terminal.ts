/** Whether the developer sits at a terminal that a debugger can use: its keyboard is ours, and it shows the log. Runs in the master. */
import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { Config } from '../../config/types.ts'

export function hasTerminal({ isDevelopment, logFile, logFormat }: Config): boolean {
  return isDevelopment && logFile === null && logFormat === 'text' && isatty(0) && isatty(1) && isInForeground()
}

/** In the background (`jumak --reload &`) the shell has the keyboard. */
export function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    // After the name, which may contain anything: state, parent, group, session, terminal, group in the foreground.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[2] === fields[5]
  } catch {
    return true
  }
}
