/**
 * `jumak --help` and its short form `jumak -h`, from the definitions of the settings. Runs in the command line. Pure: the caller prints
 * the text. Loads no code that serves, so help comes at once (`questions.ts`).
 */

import { twoColumns, wrap } from '../base/layout.ts'
import { application } from '../config/settings/application.ts'
import { development } from '../config/settings/development.ts'
import { ACTIONS, SETTINGS } from '../config/settings/index.ts'
import { check } from '../config/settings/information.ts'
import { listening } from '../config/settings/listening.ts'
import { logging } from '../config/settings/logging.ts'
import type { Action, Definition, Setting } from '../config/settings/setting.ts'
import { staticFiles } from '../config/settings/static.ts'
import { workers } from '../config/settings/workers.ts'
import { COMMAND_TEXTS } from './admin/help.ts'
import { COMMANDS } from './commands.ts'
import type { Terminal } from './terminal.ts'

type Row = readonly [left: string, right: string]

const WHAT = 'Serves a Python web application: web server, workers and process manager in one.'

const EXAMPLES: readonly Row[] = [
  ['jumak', 'what is here: a Django project, app.py, main.py, a package'],
  ['jumak mysite.wsgi', 'the WSGI application of a Django project'],
  ['jumak -b :8000 -w 4 shop:app', 'all addresses, port 8000, four workers'],
  ["jumak 'shop:create_app()'", 'an application factory'],
  ['jumak --reload', 'during development'],
  ['jumak -c shop.toml --check', 'says what is wrong, and serves nothing'],
  ['jumak explain http://shop.kr/cart', 'what would become of a request; jumak password ann: a line for auth-users'],
  ['jumak gunicorn ...', 'the command that you have; so uvicorn, fastapi; jumak adapt: as a file'],
]

const COMMAND_ROWS: readonly Row[] = COMMANDS.map(command => {
  const { operands, doc } = COMMAND_TEXTS[command]
  return [`${command} ${operands}`.trimEnd(), doc]
})

const SOURCES =
  'A setting --some-name is also JUMAK_SOME_NAME in the environment and some-name in jumak.toml, or in [tool.jumak] of pyproject.toml; the command line wins, then the environment, then the file. Each table [[app]] in the file is one of several applications: its own lines win over all of these. Defaults are in brackets. A TIME is 30 (seconds), 500ms, 2m or 1h, a SIZE bytes, 512K, 300M or 1G.'

const SIGNALS: readonly Row[] = [
  ['TERM', 'finish running requests, then exit'],
  ['INT, QUIT', 'exit quickly; a second one exits at once'],
  ['HUP', 'read settings and code again; no request is lost, and a mistake changes nothing'],
  ['TTIN, TTOU', 'one worker more, one worker less'],
  ['USR2', 'as jumak upgrade: a new Jumak on the same sockets, and no request is lost'],
  ['USR1', 'open the log files again, after their rotation'],
]

export const EXIT_CODES: readonly Row[] = [
  ['0', 'stopped as told'],
  ['1', 'failed while running, or could not listen'],
  ['2', 'a setting is wrong'],
  ['3', 'the application could not be loaded'],
]

/** Wide enough for most flags; a longer flag has its text on the next line. On a narrow terminal the text needs the space. */
const FLAG_COLUMN = 35
const NARROW_FLAG_COLUMN = 26
const NARROW = 100
const EXAMPLE_COLUMN = 40

export function formatHelp(terminal: Terminal): string {
  const { width, title, flag } = terminal
  const column = width < NARROW ? NARROW_FLAG_COLUMN : FLAG_COLUMN
  const table = (rows: readonly Row[], column: number, style = flag) =>
    rows.flatMap(([left, right]) => twoColumns(`  ${left}`, right, { width, column, style }))
  const lines = [
    ...wrap(WHAT, width),
    '',
    `${title('Usage:')} jumak [SETTING ...] [APP]`,
    '',
    title('Examples'),
    ...table(EXAMPLES, EXAMPLE_COLUMN),
    '',
    `${title('Commands')} to a running program; more: jumak COMMAND --help`,
    ...table(COMMAND_ROWS, column),
    '',
    ...wrap(SOURCES, width),
  ]
  const definitions = [...SETTINGS, ...ACTIONS]
  for (const section of new Set(definitions.map(one => one.section))) {
    const rows = definitions.filter(one => one.section === section).map((one): Row => [flagsOf(one), describe(one)])
    lines.push('', title(section), ...table(rows, column))
  }
  lines.push('', title('Signals'), ...table(SIGNALS, column), '', title('Exit codes'))
  lines.push(...table(EXIT_CODES, column))
  return `${lines.join('\n')}\n`
}

/** The most important settings, in few words: each fits on a line of 80 columns. */
const USUAL: readonly (readonly [setting: Definition, words: string])[] = [
  [application.app, 'shop.wsgi, shop:app, app.py; without it: found here'],
  [listening.bind, ':8000, 8000 (this machine only), unix:PATH'],
  [workers.workers, 'processes; threads of each: --threads N'],
  [staticFiles.staticMounts, 'files, as in /static/=public; Django: STATIC_ROOT'],
  [logging.accessLog.path, 'a line for each request; -: standard output'],
  [development.isDevelopment, 'new code at every save'],
  [application.config, 'settings; jumak.toml is found by itself'],
  [check, 'say what is wrong, and serve nothing'],
]
const USUAL_COLUMN = 28

/** Fifteen lines. */
export function formatUsage({ width, title, flag }: Terminal): string {
  const rows = USUAL.map(([definition, words]): Row => [flagsOf(definition), words])
  const lines = [
    ...wrap(WHAT, width),
    '',
    `${title('Usage:')} jumak [SETTING ...] [APP]`,
    '',
    ...rows.flatMap(([left, right]) => twoColumns(`  ${left}`, right, { width, column: USUAL_COLUMN, style: flag })),
    'Or what you have: jumak gunicorn ..., jumak uvicorn ... As a file: jumak adapt',
    `Every setting, with examples: ${flag('jumak --help')}`,
  ]
  return `${lines.join('\n')}\n`
}

function flagsOf(definition: Definition): string {
  const placeholder = 'placeholder' in definition ? String(definition.placeholder) : ''
  if ('positional' in definition) return placeholder
  const short = definition.short === undefined ? '    ' : `-${definition.short}, `
  return `${short}--${definition.name} ${placeholder}`.trimEnd()
}

function describe(definition: Setting | Action): string {
  if (!('default' in definition)) return definition.doc
  return `${definition.doc} [${definition.defaultText ?? definition.default}]`
}
