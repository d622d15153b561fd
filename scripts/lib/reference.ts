/** The reference pages and the JSON Schema, from the definitions of the settings and the tables of other programs. `scripts/reference.ts` writes them. */
import { jsonSchema } from '../../src/config/schema.ts'
import { ACTIONS, APPLICATION_SETTINGS, SETTINGS } from '../../src/config/settings/index.ts'
import { NAMED_TABLES } from '../../src/config/settings/named-tables.ts'
import { REWRITE_KEYS } from '../../src/config/settings/rewrite-keys.ts'
import { isFrom, type Setting, variableOf } from '../../src/config/settings/setting.ts'
import { SITE_DEFAULTS } from '../../src/config/settings/site-defaults.ts'
import { LOCATION_KEYS, SITE_KEYS } from '../../src/config/settings/site-keys.ts'
import { APP_KEYS, include, POOL_KEYS } from '../../src/config/settings/tables.ts'
import { TLS_KEYS } from '../../src/config/settings/tls-entry.ts'
import { GUNICORN } from './gunicorn-reference.ts'
import { formatProgram } from './program-reference.ts'
import { UVICORN } from './uvicorn-reference.ts'

/** The command that makes the files again. */
export const COMMAND = 'npm run reference'

/** Path from the root → text. */
export function referenceFiles(): Readonly<Record<string, string>> {
  return {
    'docs/reference/settings.md': formatReference(),
    'docs/reference/gunicorn.md': formatProgram(GUNICORN, COMMAND),
    'docs/reference/uvicorn.md': formatProgram(UVICORN, COMMAND),
    'docs/reference/jumak.schema.json': `${JSON.stringify(jsonSchema(), null, 2)}\n`,
  }
}

const CHANGES = {
  live: 'HUP',
  reload: 'HUP, which brings new workers',
  restart: 'restart of the program',
} as const

function formatReference(): string {
  const sections = [...new Set(SETTINGS.map(setting => setting.section))]
  return `${[INTRODUCTION, formatTables(), ...sections.map(formatSection), formatActions()].join('\n\n')}\n`
}

const INTRODUCTION = `<!-- Made by \`${COMMAND}\` from src/config/settings/. Change the definitions there. -->
# Settings

Each setting can be given in four places. For each setting the first of these wins:

1. **command line**: \`--log-level debug\`, or \`--log-level=debug\`
2. **environment**: \`JUMAK_LOG_LEVEL=debug\`; an empty variable counts as not set, commas separate the values of a list
3. **file**: \`log-level = "debug"\` in \`jumak.toml\` of the working directory (or \`--config FILE\`), else in the table
   \`[tool.jumak]\` of its \`pyproject.toml\`
4. **default**

A list comes as a whole from the first place that has it; only the variables of \`env\` are put together. \`PORT\` and
\`WEB_CONCURRENCY\`, which platforms set, count where \`bind\` and \`workers\` are not given.

In a file, text has quotes; numbers, \`true\` and \`false\` have none. Several values are a list (\`bind = [":8000",
"unix:/run/shop.sock"]\`), and \`env\` and \`static\` may be tables. A relative path in a file starts at the directory of the file; on the
command line and in the environment it starts at the working directory.

\`jumak --check\` says all that is wrong. It loads the application as a start would (not with \`--no-app\`), and serves nothing.
\`jumak --print-config\` shows every value and where it came from. HUP reads the file again. The last column says what it takes for a
new value to count. If something is wrong with the file, the log says all of it and nothing changes.

For editors, \`jumak --print-schema\` prints the [JSON Schema](jumak.schema.json). Editors that use Taplo find it by a first line
\`#:schema ./jumak.schema.json\`.`

const TABLES = `## Several applications

A file may have several applications, each a table \`[[app]]\`. Such a table has the keys of this section, which are in files only, and the
settings of an application; all other settings are for the whole program and stand at the top of the file. An application takes what its table does not say from the
settings at the top of the file, the command line and the environment: there they are defaults for all applications, and what stands in
the table wins over all of them. Only \`app\` is not taken from there; \`env\` is put together, key by key.

\`\`\`toml
workers = 2                   # for each application that says nothing else

[[app]]
name = "shop"
app = "shop.wsgi"
chdir = "/srv/shop"

[[app]]
name = "api"
app = "api:app"
chdir = "/srv/api"
path = "/api"
workers = 4

[[app.pool]]                  # workers of their own for slow requests
paths = ["/export"]
workers = 1
\`\`\`

If APP is given on the command line or in the environment as well, it is one more application, named \`default\`. In \`pyproject.toml\` the
tables are \`[[tool.jumak.app]]\` and \`[[tool.jumak.app.pool]]\`. HUP adds, removes and changes applications.`

/** In the order of the page. */
export const KEYS_OF_TABLES = [
  ['Keys of `[[app]]`', APP_KEYS],
  ['Keys of `[[app.pool]]`', POOL_KEYS],
  ['Keys of `[[tls]]`', TLS_KEYS],
  ['Keys of `[[site]]`', SITE_KEYS.filter(key => !LOCATION_KEYS.includes(key))],
  ['Keys of `[[site]]` and of its `locations`', LOCATION_KEYS.filter(key => SITE_KEYS.includes(key))],
  ['Keys of `locations` only', LOCATION_KEYS.filter(key => !SITE_KEYS.includes(key))],
  ['Keys of `rewrites`', REWRITE_KEYS],
  ...NAMED_TABLES.map(([name, keys]) => [`Keys of \`[[${name}]]\``, keys] as const),
  ['At the top of the file', [include]],
] as const

function formatTables(): string {
  const own = [...APPLICATION_SETTINGS].map(({ name }) => `\`${name}\``).join(', ')
  return [
    TABLES,
    `Settings of an application: ${own}.`,
    `Settings of locations that may stand at the top of the file, for all sites: ${[...SITE_DEFAULTS.map(({ name }) => name), 'error-page'].map(name => `\`${name}\``).join(', ')}.`,
    ...KEYS_OF_TABLES.map(([title, keys]) => `### ${title}\n\n${formatKeys(keys)}`),
  ].join('\n\n')
}

function formatKeys(keys: readonly Setting[]): string {
  const rows = keys.map(key => [`\`${key.name}\``, key.kind.says, `${defaultOf(key)}. ${capitalized(key.why)}`])
  const notes = keys.map(({ name, doc, more }) => `- **${name}**: ${cell(more === undefined ? doc : `${doc} ${more}`)}`)
  return [row(['Key', 'Value', 'Default, and why']), row(['---', '---', '---']), ...rows.map(row), '', ...notes].join(
    '\n',
  )
}

function formatSection(section: string): string {
  const settings = SETTINGS.filter(setting => setting.section === section)
  const rows = settings.map(setting => {
    const flag = setting.positional ? `\`${setting.placeholder}\`` : flagOf(setting)
    const variable = isFrom(setting, 'variable') ? `\`${variableOf(setting)}\`` : '–'
    const name = isFrom(setting, 'file') ? `\`${setting.name}\`` : `${setting.name} (not in a file)`
    return [
      name,
      flag,
      variable,
      typeOf(setting),
      `${defaultOf(setting)}. ${capitalized(setting.why)}`,
      CHANGES[setting.change],
    ]
  })
  const notes = settings.map(
    ({ name, doc, more }) => `- **${name}**: ${cell(more === undefined ? doc : `${doc} ${more}`)}`,
  )
  return [
    `## ${section}`,
    '',
    row(['Setting', 'Flag', 'Variable', 'Value', 'Default, and why', 'A change needs']),
    row(Array.from({ length: 6 }, () => '---')),
    ...rows.map(row),
    '',
    ...notes,
  ].join('\n')
}

function flagOf({ name, short, kind, placeholder }: Setting): string {
  const long = kind.isSwitch ? `\`--${name}\`, \`--no-${name}\`` : `\`--${name} ${placeholder}\``
  return short === undefined ? long : `\`-${short}\`, ${long}`
}

function typeOf({ kind, repeatable }: Setting): string {
  const list = repeatable === 'commas' ? '; repeatable, or with commas' : repeatable ? '; repeatable' : ''
  return `${kind.says}${list}`
}

function defaultOf(setting: Setting): string {
  if (setting.defaultText !== undefined) return setting.defaultText
  return `\`${setting.default}\``
}

function formatActions(): string {
  const rows = ACTIONS.map(({ name, short, doc }) => row([`${short ? `\`-${short}\`, ` : ''}\`--${name}\``, doc]))
  return ['## Information', '', row(['Flag', 'Does']), row(['---', '---']), ...rows].join('\n')
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(text => text.replaceAll('|', '\\|')).join(' | ')} |`
}

/** Escapes `*` and `_` in plain text, not in code. */
function cell(text: string): string {
  return text
    .split('`')
    .map((part, i) => (i % 2 === 0 ? part.replace(/[*_]/g, '\\$&') : part))
    .join('`')
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
