/**
 * Which signal asks the master for what; the actions are callbacks. Runs in the master.
 *
 *   TERM       stop gracefully            TTIN, TTOU  one worker more, less: of each application, in its main pool
 *   INT, QUIT  stop quickly; again: now   USR1        reopen the logs
 *   INT while a debugger waits: interrupts the debugger; again within two seconds: stop quickly
 *   USR2       upgrade: a new Jumak takes over the sockets
 *   HUP        reload; when the terminal that started us has gone: stop gracefully
 *
 * Node's --disable-sigusr1 blocks USR1 for the whole process: a master that is started with it never gets this signal. Without the
 * flag, USR1 would open Node's debugger; the handler here prevents that.
 */
import { closeSync, openSync } from 'node:fs'
import { isatty } from 'node:tty'

/** How fast to stop. `graceful`: requests have the graceful timeout; `quick`: half a second; `now`: SIGKILL. */
export type Urgency = 'graceful' | 'quick' | 'now'

export interface SignalActions {
  stop(urgency: Urgency, signal: string): void
  /** Ctrl-C for a debugger; false: no debugger waits for it. */
  interrupt(): boolean
  reload(): void
  changeWorkers(by: 1 | -1): void
  reopenLogs(): void
  upgrade(): void
}

/** Returns a function that removes the handlers. `emitter`: `process`, or another one in tests. */
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
    SIGUSR2: () => actions.upgrade(),
  }
  for (const [signal, handler] of Object.entries(handlers)) emitter.on(signal, handler)
  return () => {
    for (const [signal, handler] of Object.entries(handlers)) emitter.removeListener(signal, handler)
  }
}

/** HUP also comes from a shell that ends or a terminal window that closes: that is no request for a reload. */
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
