/** What holds for every definition. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { ACTIONS, APPLICATION_GROUPS, PROGRAM_GROUPS, SETTINGS } from './index.ts'
import { type Group, isInput, isSetting, settingsIn } from './setting.ts'

const ALL = [...SETTINGS, ...ACTIONS]
const GROUPS = [...PROGRAM_GROUPS, ...APPLICATION_GROUPS]

test('names are unique, in lower case with hyphens, and short forms are unique letters', () => {
  const names = ALL.map(one => one.name)
  assert.equal(new Set(names).size, names.length)
  for (const name of names) assert.match(name, /^[a-z][a-z\d]*(-[a-z\d]+)*$/)
  const letters = ALL.flatMap(one => one.short ?? [])
  assert.equal(new Set(letters).size, letters.length)
  for (const letter of letters) assert.match(letter, /^[a-zA-Z]$/)
})

for (const setting of SETTINGS) {
  test(`${setting.name}: the default passes its own check`, () => {
    const { default: standard, kind, repeatable } = setting
    const texts = standard === null ? [] : repeatable === 'commas' ? standard.split(',') : [standard]
    for (const text of texts) assert.ok('value' in kind.parse(text), text)
  })
  test(`${setting.name}: a refusal is a phrase that follows the name`, () => {
    for (const text of ['', '\0', '-1', 'x'.repeat(1000), '[', ':::', 'null']) {
      const parsed = setting.kind.parse(text)
      if ('problem' in parsed) assert.match(parsed.problem, /^must [^']*[^.]$/s)
    }
  })
}

for (const definition of ALL)
  test(`${definition.name}: its documentation is one sentence`, () => {
    assert.match(definition.doc, /^[A-Z].*[^.]\.$/)
    assert.ok(!/\. [A-Z]/.test(definition.doc), definition.doc)
  })

for (const setting of SETTINGS)
  test(`${setting.name}: only repeatable settings have no default`, () => {
    assert.ok(setting.default !== null || setting.repeatable || setting.name === 'post-fork')
    assert.match(setting.why, /^\w.*[^.]\.$/s)
  })

test('no name is another one with no- before it, and switches take no value', () => {
  for (const { name, kind, placeholder } of SETTINGS) {
    assert.ok(!name.startsWith('no-'))
    assert.equal(kind.isSwitch === true, placeholder === '')
  }
})

test('one setting at most has no flag; it has no short form and one value', () => {
  const [positional, ...more] = SETTINGS.filter(one => one.positional)
  assert.deepEqual(more, [])
  assert.equal(positional?.short, undefined)
  assert.equal(positional?.repeatable, undefined)
})

test('every group is listed', async () => {
  const isAbout = (name: string) =>
    /^[a-z]+\.ts$/.test(name) && !['index.ts', 'setting.ts', 'information.ts', 'tables.ts'].includes(name)
  for (const name of readdirSync(import.meta.dirname).filter(isAbout)) {
    const exported = Object.values((await import(`./${name}`)) as object).filter(one => one?.constructor === Object)
    assert.equal(exported.length, 1, name)
    assert.ok(GROUPS.includes(exported[0] as Group), name)
  }
})

test('help has every setting', () => {
  assert.deepEqual(new Set(SETTINGS), new Set(GROUPS.flatMap(settingsIn)))
})

test('no two plain settings have one place in the configuration', () => {
  const places = (group: Group, path: string): string[] =>
    Object.entries(group).flatMap(([name, one]) =>
      !isSetting(one) ? places(one, `${path}${name}.`) : isInput(one) ? [] : [`${path}${name}`],
    )
  for (const groups of [PROGRAM_GROUPS, APPLICATION_GROUPS]) {
    const all = groups.flatMap(group => places(group, ''))
    assert.deepEqual([...new Set(all)], all)
  }
})
