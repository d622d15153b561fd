/** The reference page and the JSON Schema, from the definitions of the settings. `scripts/reference.ts` writes them. */
import { jsonSchema } from '../../src/config/schema.ts'
import { ACTIONS, SETTINGS } from '../../src/config/settings/index.ts'
import { isFrom, type Setting, variableOf } from '../../src/config/settings/setting.ts'

/** How to make the files anew, for those who find them old. */
export const COMMAND = 'npm run reference'

/** By path from the root. */
export function referenceFiles(): Readonly<Record<string, string>> {
  return {
    'docs/reference/settings.md': formatReference(),
    'docs/reference/jumak.schema.json': `${JSON.stringify(jsonSchema(), null, 2)}\n`,
  }
}

const CHANGES = {
  live: 'nothing: HUP is enough',
  reload: 'new workers: HUP brings them',
  restart: 'a new start of the program',
} as const

function formatReference(): string {
  const sections = [...new Set(SETTINGS.map(setting => setting.section))]
  return `${[INTRODUCTION, ...sections.map(formatSection), formatActions()].join('\n\n')}\n`
}

const INTRODUCTION = `<!-- Made by \`${COMMAND}\` from src/config/settings/. Change the definitions there. -->
# Settings

Each setting can be given in four places. The stronger one wins, for each setting by itself:

1. **command line**: \`--log-level debug\`, or \`--log-level=debug\`
2. **environment**: \`JUMAK_LOG_LEVEL=debug\`; an empty variable counts as not set, commas part the values of a list
3. **file**: \`log-level = "debug"\` in \`jumak.toml\` of the working directory (or \`--config FILE\`), else in the table
   \`[tool.jumak]\` of its \`pyproject.toml\`
4. **default**

A list is taken whole from the strongest place that has it; only the variables of \`env\` are put together. \`PORT\` and
\`WEB_CONCURRENCY\`, which platforms set, stand in for \`bind\` and \`workers\` where these are given nowhere.

In a file, text stands in quotes, numbers and \`true\` and \`false\` do not, several values are a list (\`bind = [":8000",
"unix:/run/shop.sock"]\`), and \`env\` and \`static\` may be tables. Relative paths are seen from the directory of the file; on the
command line and in the environment from the working directory.

\`jumak --check\` says all that is wrong, loads the application as a start would (\`--no-app\`: does not), and serves nothing; \`jumak --print-config\` shows every value and where it came from.
At HUP the file is read anew. The last column says what else a new value needs; when something is wrong with the file,
all of it is logged and nothing changes.

For editors, \`jumak --print-schema\` prints the [JSON Schema](jumak.schema.json). Editors that use Taplo take it from a first line
\`#:schema ./jumak.schema.json\`.`

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

/** `*` and `_` of plain text mean nothing here; those in code stay. */
function cell(text: string): string {
  return text
    .split('`')
    .map((part, i) => (i % 2 === 0 ? part.replace(/[*_]/g, '\\$&') : part))
    .join('`')
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
