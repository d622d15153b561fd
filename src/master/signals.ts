/**
 * What the master does at a signal. Only names are given here; the doing is the callbacks'. Runs in the master.
 *
 *   TERM       stop gracefully            TTIN, TTOU  one worker more, less
 *   INT, QUIT  stop quickly; again: now   USR1        reopen the logs
 *   INT while a debugger waits: for the debugger; again within two seconds: stop quickly
 *   HUP        reload; when the terminal that started us has gone: stop gracefully
 *
 * Node's --disable-sigusr1 blocks USR1 for the whole process, so a master that was started with it never hears that one.
 * Without it, the handler here takes the place of the debugger that USR1 would open.
 */
import { closeSync, openSync } from 'node:fs'
import { isatty } from 'node:tty'

/** How fast to stop. `graceful`: requests end in their own time, up to the graceful timeout; `quick`: in half a second; `now`: SIGKILL. */
export type Urgency = 'graceful' | 'quick' | 'now'

export interface SignalActions {
  stop(urgency: Urgency, signal: string): void
  /** Ctrl-C that is meant for a debugger; false: it is not. */
  interrupt(): boolean
  reload(): void
  changeWorkers(by: 1 | -1): void
  reopenLogs(): void
}

/** Returns a function that takes the handlers away. `emitter`: `process`. */
export function handleSignals(
  actions: SignalActions,
  emitter: NodeJS.EventEmitter = process,
  isTerminalGone: () => boolean = terminalWatch(),
): () => void {
  let hurried = false
  const quick = (signal: string) => {
    actions.stop(hurried ? 'now' : 'quick', signal)
    hurried = true
  }
  const handlers: Readonly<Record<string, () => void>> = {
    SIGTERM: () => actions.stop('graceful', 'SIGTERM'),
    SIGINT: () => {
      if (!actions.interrupt()) quick('SIGINT')
    },
    SIGQUIT: () => quick('SIGQUIT'),
    SIGHUP: () => (isTerminalGone() ? actions.stop('graceful', 'SIGHUP, its terminal is gone') : actions.reload()),
    SIGTTIN: () => actions.changeWorkers(1),
    SIGTTOU: () => actions.changeWorkers(-1),
    SIGUSR1: () => actions.reopenLogs(),
  }
  for (const [signal, handler] of Object.entries(handlers)) emitter.on(signal, handler)
  return () => {
    for (const [signal, handler] of Object.entries(handlers)) emitter.removeListener(signal, handler)
  }
}

/** A shell that ends, or a terminal window that closes, sends HUP too: nobody asked for a reload then. */
function terminalWatch(): () => boolean {
  const hadTerminal = isatty(0)
  return () => {
    if (!hadTerminal) return false
    try {
      closeSync(openSync('/dev/tty', 'r'))
      return false
    } catch {
      return true
    }
  }
}
