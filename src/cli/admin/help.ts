/** `jumak status --help`, and the section on commands in `jumak --help`. Pure. */

import { twoColumns, wrap } from '../../base/layout.ts'
import type { Command } from '../commands.ts'
import type { Terminal } from '../terminal.ts'

interface CommandText {
  /** The words after the name. */
  readonly operands: string
  /** One line, for the list of commands. */
  readonly doc: string
  readonly more: string
  readonly examples: readonly (readonly [words: string, says: string])[]
}

export const COMMAND_TEXTS: Readonly<Record<Command, CommandText>> = {
  status: {
    operands: '',
    doc: 'applications and workers, and what each runs now',
    more: 'Shows the program, its gateway, and for each application its workers: state, age, answered requests, memory, processor, and the requests that each runs now, with the time since the worker has them.',
    examples: [
      ['jumak status', 'the program that was started in this directory'],
      ['jumak status -c /etc/shop.toml', 'the one that has this file'],
      ['jumak status --ready', 'for a health check: the exit code'],
      ['jumak status --json | jq .apps[0].workers', 'for programs'],
    ],
  },
  reload: {
    operands: '[APP]',
    doc: 'read settings and code again, as HUP does; or those of one application',
    more: 'Waits until the new code serves, and says why if it does not: then the old code serves on, and the exit code is 1. No request is lost. With APP, this application has its new settings and new processes, and all else stays as it is.',
    examples: [
      ['jumak reload', 'settings, and every application'],
      ['jumak reload shop', 'only the application shop'],
      ['git pull && jumak reload', 'a deployment'],
    ],
  },
  upgrade: {
    operands: '',
    doc: 'start a new Jumak on the same sockets, as USR2 does',
    more: 'Starts the program anew from the path and with the words with which it was started: a new version, a new Node, all settings. When the new process serves, this one finishes what runs and ends; no request is lost. Waits until the new one serves, and says why if it does not: then nothing changes, and the exit code is 1.',
    examples: [
      ['npm install -g jumak && jumak upgrade', 'a new version'],
      ['jumak upgrade', 'also for settings that need a restart'],
    ],
  },
  stop: {
    operands: '',
    doc: 'finish running requests and end, as TERM does',
    more: 'Returns when the program has ended.',
    examples: [['jumak stop && jumak', 'start again']],
  },
  workers: {
    operands: '[APP[/POOL]] N',
    doc: 'change the number of workers while it runs',
    more: 'Holds until the setting changes and is read again, or until the next start. With one application its name may be left out.',
    examples: [
      ['jumak workers 6', 'with one application'],
      ['jumak workers shop 6', 'with several'],
      ['jumak workers shop/export 2', 'a pool of an application'],
    ],
  },
  'log-level': {
    operands: 'LEVEL',
    doc: 'write more or less to the log: debug, info, warn or error',
    more: 'Holds until the next start.',
    examples: [
      ['jumak log-level debug', 'everything'],
      ['jumak log-level info', 'back to the usual'],
    ],
  },
  upstream: {
    operands: '[NAME [ACTION [SERVER]]]',
    doc: 'show, add, drain, remove servers behind this one',
    more: 'The actions are list, add, drain and remove. A server is written as in servers of the [[upstream]]: add takes its settings, too. drain: it gets no new requests, and finishes those that it has, WebSockets and streams included; waits for that, for 20 s at most. remove: the same without waiting, and it is gone from the list. add brings back what is drained or removed. Holds over reloads, new gateways and upgrades, until a stop; the servers of the file are the base.',
    examples: [
      ['jumak upstream', 'all upstreams with their servers'],
      ['jumak upstream back add 10.0.0.3:8000 weight=2', 'one more'],
      ['jumak upstream back drain 10.0.0.1:8000', 'before it is restarted'],
      ['jumak upstream back add 10.0.0.1:8000', 'after that'],
    ],
  },
}

const FLAGS: readonly (readonly [string, string])[] = [
  ['-c, --config FILE', 'the configuration of the program that is meant'],
  ['    --chdir DIR', 'or its directory'],
  ['    --admin-socket PATH', 'or its socket'],
  ['    --json', 'print the answer as one line of JSON'],
  ['-h, --help', 'show this'],
]

/** Of `jumak status` alone. */
const PROBE = ['    --ready', 'one line; the exit code is 1 unless all applications serve'] as const

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'done'],
  ['1', 'it failed, or no program answers'],
  ['2', 'the words or the settings are wrong'],
]

export function commandHelp(command: Command, { width, title, flag }: Terminal): string {
  const { operands, more, examples } = COMMAND_TEXTS[command]
  const table = (rows: readonly (readonly [string, string])[], column: number) =>
    rows.flatMap(([left, right]) => twoColumns(`  ${left}`, right, { width, column, style: flag }))
  const lines = [
    ...wrap(more, width),
    '',
    `${title('Usage:')} ${['jumak', command, operands, '[FLAG ...]'].filter(Boolean).join(' ')}`,
    '',
    title('Examples'),
    ...table(examples, 46),
    '',
    title('Flags'),
    ...table(command === 'status' ? [PROBE, ...FLAGS] : FLAGS, 28),
    '',
    title('Exit codes'),
    ...table(EXIT_CODES, 28),
  ]
  return `${lines.join('\n')}\n`
}
