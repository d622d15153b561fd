/** Each setting from the command line, a variable and a file: the value that comes of it, its default, and what is refused. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type LoadResult, loadConfig } from './load.ts'
import { APPLICATION_SETTINGS, SETTINGS } from './settings/index.ts'
import { isFrom, labelOf, type Setting, variableOf } from './settings/setting.ts'
import { parseArguments } from './sources/arguments.ts'
import { account } from './testing/cases/account.ts'
import { application } from './testing/cases/application.ts'
import type { Case } from './testing/cases/case.ts'
import { cgi } from './testing/cases/cgi.ts'
import { clients } from './testing/cases/clients.ts'
import { compression } from './testing/cases/compression.ts'
import { content } from './testing/cases/content.ts'
import { development } from './testing/cases/development.ts'
import { errors } from './testing/cases/errors.ts'
import { http2 } from './testing/cases/http2.ts'
import { listening } from './testing/cases/listening.ts'
import { logging } from './testing/cases/logging.ts'
import { processes } from './testing/cases/processes.ts'
import { queue } from './testing/cases/queue.ts'
import { remoteLogs } from './testing/cases/remote-logs.ts'
import { requests } from './testing/cases/requests.ts'
import { resources } from './testing/cases/resources.ts'
import { responses } from './testing/cases/responses.ts'
import { staticFiles } from './testing/cases/static.ts'
import { stop } from './testing/cases/stop.ts'
import { tls } from './testing/cases/tls.ts'
import { watching } from './testing/cases/watching.ts'
import { websockets } from './testing/cases/websockets.ts'
import { workers } from './testing/cases/workers.ts'
import { makeEnvironment, makeTree } from './testing/tree.ts'

/** A file of rows for each file of `settings/`. */
const CASES: Readonly<Record<string, Case>> = {
  ...application,
  ...listening,
  ...workers,
  ...stop,
  ...tls,
  ...http2,
  ...staticFiles,
  ...errors,
  ...logging,
  ...remoteLogs,
  ...development,
  ...watching,
  ...clients,
  ...compression,
  ...queue,
  ...requests,
  ...content,
  ...resources,
  ...responses,
  ...websockets,
  ...cgi,
  ...account,
  ...processes,
}

interface Given {
  readonly words?: readonly string[]
  readonly variables?: Readonly<Record<string, string>>
  readonly toml?: string
}

/** In a directory with an application and a directory `site` with another; as root. */
function load(t: TestContext, { words = [], variables = {}, toml }: Given): { loaded: LoadResult; root: string } {
  const root = makeTree(t, {
    'app.py': 'app = 1',
    'page.html': '<p>down',
    'site/wsgi.py': 'application = 1',
    '.env': '',
    'other.toml': 'threads = 9',
  })
  if (toml !== undefined) writeFileSync(join(root, 'jumak.toml'), toml)
  const place = (text: string) => text.replaceAll('$', root)
  const environment = makeEnvironment(root, {
    uid: 0,
    gid: 0,
    variables: Object.fromEntries(Object.entries(variables).map(([name, text]) => [name, place(text)])),
  })
  return { loaded: loadConfig(parseArguments(words.map(place)), environment), root }
}

function expectValue(t: TestContext, { of }: Case, given: Given, value: unknown): void {
  const { loaded, root } = load(t, given)
  assert.ok('config' in loaded, JSON.stringify(loaded))
  assert.deepEqual(
    of(loaded.config, loaded.config.apps[0]!),
    JSON.parse(JSON.stringify({ value }).replaceAll('$', root)).value,
  )
}

function wordsFor(setting: Setting, text: string): string[] {
  if (setting.positional) return [text]
  if (setting.kind.isSwitch) return [text === 'on' ? `--${setting.name}` : `--no-${setting.name}`]
  return [`--${setting.name}=${text}`]
}

test('every row is of a setting', () => {
  const names = SETTINGS.map(setting => setting.name)
  assert.deepEqual(Object.keys(CASES).sort(), names.sort())
})

for (const setting of SETTINGS) {
  const { name } = setting
  const one = CASES[name]
  if (one === undefined) continue
  const more = one.with ?? []

  test(`${name}: default`, t => expectValue(t, one, { words: one.withDefault ?? more }, one.standard))

  for (const [text, value] of one.texts) {
    test(`${name}: ${JSON.stringify(text)} from the command line`, t =>
      expectValue(t, one, { words: [...more, ...wordsFor(setting, text)] }, value))
    if (isFrom(setting, 'variable'))
      test(`${name}: ${JSON.stringify(text)} from ${variableOf(setting)}`, t =>
        expectValue(t, one, { words: more, variables: { [variableOf(setting)]: text } }, value))
  }

  const [, value] = one.texts[0]!
  if (isFrom(setting, 'file'))
    test(`${name}: ${one.toml} from a file`, t =>
      expectValue(t, one, { words: more, toml: `${name} = ${one.toml}\n` }, value))

  const inTable = `[[app]]\nname = "one"\n${name === 'app' ? '' : 'app = "app:app"\n'}${name} = ${one.toml}\n`
  if (isFrom(setting, 'file') && APPLICATION_SETTINGS.has(setting)) {
    test(`${name}: ${one.toml} of one application`, t => expectValue(t, one, { words: more, toml: inTable }, value))
  } else if (isFrom(setting, 'file'))
    test(`${name}: an application cannot have it for itself`, t => {
      const { loaded } = load(t, { toml: inTable })
      assert.ok('diagnostics' in loaded)
      assert.deepEqual(
        loaded.diagnostics.map(({ message }) => message),
        [`jumak.toml:4:1: ${name} is for the whole program: write it at the top of the file`],
      )
    })

  const [text, allowed] = one.wrong
  if (!setting.kind.isSwitch)
    test(`${name}: ${JSON.stringify(text)} on the command line is reported once, with what is allowed`, t => {
      const { loaded } = load(t, { words: wordsFor(setting, text) })
      assert.ok('diagnostics' in loaded)
      const [{ subject, message } = { subject: '', message: '' }, ...others] = loaded.diagnostics
      assert.deepEqual(others, [])
      assert.equal(subject, labelOf(setting))
      assert.ok(message.startsWith(`${subject} must `), message)
      assert.match(message, allowed)
    })
  if (isFrom(setting, 'variable'))
    test(`${name}: ${JSON.stringify(text)} in a variable is reported with the name of the variable`, t => {
      const { loaded } = load(t, { variables: { [variableOf(setting)]: text } })
      assert.ok('diagnostics' in loaded)
      assert.deepEqual(
        loaded.diagnostics.map(({ subject }) => subject),
        [variableOf(setting)],
      )
      assert.match(loaded.diagnostics[0]!.message, allowed)
    })
  if (isFrom(setting, 'file') && name !== 'env')
    test(`${name}: ${JSON.stringify(text)} in a file is reported with its line and column`, t => {
      const { loaded } = load(t, { toml: `# first\n\n${name} = ${JSON.stringify(text)}\n` })
      assert.ok('diagnostics' in loaded)
      assert.deepEqual(
        loaded.diagnostics.map(({ subject }) => subject),
        [`jumak.toml:3:${name.length + 4}`],
      )
      assert.match(loaded.diagnostics[0]!.message, allowed)
      assert.ok(loaded.diagnostics[0]!.message.includes(`: ${name} must`), loaded.diagnostics[0]!.message)
    })
}
