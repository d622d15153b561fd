/** `jumak --help`, from the definitions of the settings. */
import { ACTIONS, SETTINGS } from '../config/settings/index.ts'
import type { Action, Setting } from '../config/settings/setting.ts'
import { twoColumns, wrap } from './layout.ts'
import type { Terminal } from './terminal.ts'

type Row = readonly [left: string, right: string]

const EXAMPLES: readonly Row[] = [
  ['jumak', 'what is here: a Django project, wsgi.py, app.py, main.py'],
  ['jumak mysite.wsgi', 'the WSGI application of a Django project'],
  ['jumak -b :8000 -w 4 shop:app', 'all addresses, port 8000, four workers'],
  ["jumak 'shop:create_app()'", 'an application factory'],
  ['jumak -b unix:/run/shop.sock app.py', 'a file, behind another web server'],
]

const SIGNALS: readonly Row[] = [
  ['TERM', 'finish what runs, then leave'],
  ['INT, QUIT', 'leave quickly; a second one at once'],
  ['HUP', 'load the application anew; nothing is lost, and code that does not load changes nothing'],
  ['TTIN, TTOU', 'one worker more, one less'],
  ['USR1', 'open the log files anew, after they were rotated'],
]

export const EXIT_CODES: readonly Row[] = [
  ['0', 'stopped as told'],
  ['1', 'failed while running, or could not listen'],
  ['2', 'the command line is wrong'],
  ['3', 'the application could not be loaded'],
]

/** Wide enough for most flags; what is longer has its text on the next line. */
const FLAG_COLUMN = 26
const EXAMPLE_COLUMN = 40

export function formatHelp(terminal: Terminal): string {
  const { width, title, flag } = terminal
  const table = (rows: readonly Row[], column: number, style = flag) =>
    rows.flatMap(([left, right]) => twoColumns(`  ${left}`, right, { width, column, style }))
  const lines = [
    ...wrap('Serves a Python web application: web server, application server and process manager in one.', width),
    '',
    `${title('Usage:')} jumak [SETTING ...] [APP]`,
    '',
    title('Examples'),
    ...table(EXAMPLES, EXAMPLE_COLUMN),
  ]
  const definitions = [...SETTINGS, ...ACTIONS]
  for (const section of new Set(definitions.map(one => one.section))) {
    const rows = definitions.filter(one => one.section === section).map((one): Row => [flagsOf(one), describe(one)])
    lines.push('', title(section), ...table(rows, FLAG_COLUMN))
  }
  lines.push('', title('Signals'), ...table(SIGNALS, FLAG_COLUMN), '', title('Exit codes'))
  lines.push(...table(EXIT_CODES, FLAG_COLUMN))
  return `${lines.join('\n')}\n`
}

function flagsOf(definition: Setting | Action): string {
  const placeholder = 'placeholder' in definition ? definition.placeholder : ''
  if ('positional' in definition) return placeholder
  const short = definition.short === undefined ? '    ' : `-${definition.short}, `
  return `${short}--${definition.name} ${placeholder}`.trimEnd()
}

function describe(definition: Setting | Action): string {
  if (!('default' in definition)) return definition.doc
  return `${definition.doc} Default: ${definition.defaultText ?? definition.default}.`
}
