/** `jumak --help`, from the definitions of the settings. */
import { styleText } from 'node:util'
import { SETTINGS } from '../config/settings/index.ts'
import type { Setting } from '../config/settings/setting.ts'

const WIDTH = 100
const DOC_COLUMN = 26

const EXAMPLES: readonly (readonly [string, string])[] = [
  ['jumak', 'serve what is here: a Django project, wsgi.py, app.py or main.py'],
  ['jumak mysite.wsgi', 'the WSGI application of a Django project'],
  ['jumak -b :8000 -w 4 shop:app', 'all addresses, port 8000, four workers'],
  ["jumak 'shop:create_app()'", 'an application factory'],
  ['jumak -b unix:/run/shop.sock app.py', 'a file, behind another web server'],
]

const SIGNALS: readonly (readonly [string, string])[] = [
  ['TERM', 'finish what runs, then end'],
  ['INT, QUIT', 'end quickly; a second one at once'],
  ['HUP', 'load the application anew; nothing is lost, and code that does not load changes nothing'],
  ['TTIN, TTOU', 'one worker more, one less'],
  ['USR1', 'open the log files anew, after logrotate'],
]

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'ended as asked'],
  ['1', 'failed while running, or could not listen'],
  ['2', 'a mistake on the command line'],
  ['3', 'the application could not be loaded'],
]

export function formatHelp(colour: boolean): string {
  const title = (text: string) => (colour ? styleText('bold', text, { validateStream: false }) : text)
  const lines = [
    'Serves a Python web application: web server, application server and process manager in one.',
    '',
    `${title('usage:')} jumak [SETTING ...] [APP]`,
    '',
    ...paragraph('', 'APP is module, module:callable, module:factory(), or a path to a file; left out, Jumak looks for it.', 0),
    '',
    title('Examples'),
    ...table(EXAMPLES, 40),
  ]
  for (const section of new Set(SETTINGS.map(setting => setting.section))) {
    lines.push('', title(section))
    for (const setting of SETTINGS.filter(setting => setting.section === section)) lines.push(...describe(setting))
  }
  lines.push('', title('Information'))
  lines.push(...paragraph('  -h, --help', 'Show this.', DOC_COLUMN), ...paragraph('  -V, --version', 'Show the version.', DOC_COLUMN))
  lines.push('', title('Signals'), ...table(SIGNALS, 16), '', title('Exit codes'), ...table(EXIT_CODES, 8))
  return `${lines.join('\n')}\n`
}

function describe(setting: Setting): string[] {
  const flags = `${setting.short ? `-${setting.short}, ` : '    '}--${setting.name} ${setting.placeholder}`
  return paragraph(`  ${flags}`, `${setting.doc} Default: ${setting.defaultText}.`, DOC_COLUMN)
}

function table(rows: readonly (readonly [string, string])[], column: number): string[] {
  return rows.flatMap(([left, right]) => paragraph(`  ${left}`, right, column))
}

/** Text in a column of its own, wrapped; on the next line where the left side is too long. */
function paragraph(left: string, text: string, column: number): string[] {
  const lines: string[] = []
  let line = left.padEnd(column)
  if (left.length >= column && left !== '') {
    lines.push(left)
    line = ' '.repeat(column)
  }
  let empty = true
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = ' '.repeat(column)
      empty = true
    }
    line += empty ? word : ` ${word}`
    empty = false
  }
  return [...lines, line]
}
