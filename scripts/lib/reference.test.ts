/** Settings ↔ help ↔ reference ↔ schema, both ways: nothing is told that is not there, and nothing is there that is not told. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatHelp } from '../../src/cli/help.ts'
import { describeTerminal } from '../../src/cli/terminal.ts'
import { ACTIONS, SETTINGS } from '../../src/config/settings/index.ts'
import { isFrom, variableOf } from '../../src/config/settings/setting.ts'
import { COMMAND, referenceFiles } from './reference.ts'
import { ROOT } from './tools.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const reference = read('docs/reference/settings.md')
const schema = JSON.parse(read('docs/reference/jumak.schema.json')) as { properties: Record<string, unknown> }
const help = formatHelp(describeTerminal({}, {}))

for (const [path, text] of Object.entries(referenceFiles()))
  test(`${path} says what the settings say`, () => {
    assert.ok(read(path) === text, `${path} is old: run ${COMMAND}`)
  })

test('every flag is in the help and in the reference, and none beside them', () => {
  const flags = SETTINGS.filter(one => !one.positional).map(one => `--${one.name}`)
  const negations = SETTINGS.filter(one => one.kind.isSwitch).map(one => `--no-${one.name}`)
  const defined = [...flags, ...ACTIONS.map(one => `--${one.name}`)].sort()
  const flagsIn = (text: string) => [...new Set(text.match(/--[a-z][a-z-]*[a-z]/g))].sort()
  assert.deepEqual(flagsIn(help.replace('--some-name', '')), defined)
  assert.deepEqual(flagsIn(reference), [...defined, ...negations].sort())
})

test('every variable is in the reference, and none beside them', () => {
  const defined = SETTINGS.filter(one => isFrom(one, 'variable')).map(variableOf)
  assert.deepEqual([...new Set(reference.match(/JUMAK_[A-Z_]+/g))].sort(), defined.sort())
})

test('every setting of a file is in the schema, and none beside them', () => {
  const defined = SETTINGS.filter(one => isFrom(one, 'file')).map(one => one.name)
  assert.deepEqual(Object.keys(schema.properties), defined)
})

test('every row of the reference is a setting, with its section, its reason and what a change needs', () => {
  const rows = reference.split('\n').filter(line => /^\| `?[a-z]/.test(line))
  assert.equal(rows.length, SETTINGS.length)
  for (const [i, { name, why, placeholder }] of SETTINGS.entries()) {
    assert.match(rows[i]!, new RegExp(`^\\| \`?${name}\`? `))
    assert.ok(rows[i]!.includes(why.slice(1)) && rows[i]!.includes(placeholder), name)
  }
})
