/**
 * Lines for a syslog server, as gunicorn's logger writes them: the beginning of RFC3164§4.1, whose time and host the server adds
 * (RFC3164§4.3.3).
 *
 *     <14>NAME.error: [PROCESS ID] text NUL       a datagram, or a Unix socket
 *     <14>NAME.access: [PROCESS ID] text LF       over TCP (RFC6587§3.4.2)
 *
 * Runs in the master (log) and the gateway (access log). Invariants: a message has at most `MAX_MESSAGE` bytes, what is longer is cut; over TCP
 * no text can begin another message. A terminal that shows one obeys nothing: control characters are written as rsyslog writes them, `#033`.
 * Not here: sending (`sender.ts`).
 */
import type { SyslogConfig } from '../../config/types.ts'
import type { Sender } from './sender.ts'

/** The usual servers take no longer one. */
const MAX_MESSAGE = 8 * 1024
/** RFC3164§4.1.1. */
const SEVERITY = { critical: 2, error: 3, warn: 4, info: 6, debug: 7 } as const

/** Tabs stand in tracebacks. */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g
const CONTROL_OR_LINE = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g

function octal(character: string): string {
  return `#${character.charCodeAt(0).toString(8).padStart(3, '0')}`
}

export type Severity = keyof typeof SEVERITY

export class Syslog {
  readonly #facility: number
  readonly #name: string
  readonly #isTcp: boolean
  readonly #sender: Pick<Sender, 'send'>

  constructor({ facility, name, address }: Omit<SyslogConfig, 'access'>, sender: Pick<Sender, 'send'>) {
    this.#facility = facility
    this.#name = name
    this.#isTcp = address.kind === 'tcp'
    this.#sender = sender
  }

  /** `log`: which of gunicorn's two the line is of. */
  write(severity: Severity, log: 'error' | 'access', text: string, pid: number = process.pid): void {
    const head = `<${this.#facility * 8 + SEVERITY[severity]}>${this.#name}.${log}: [${pid}] `
    const plain = text.replace(this.#isTcp ? CONTROL_OR_LINE : CONTROL, octal)
    const whole = Buffer.from(head + plain)
    const end = this.#isTcp ? '\n' : '\0'
    this.#sender.send(Buffer.concat([whole.subarray(0, MAX_MESSAGE - 1), Buffer.from(end)]))
  }
}
