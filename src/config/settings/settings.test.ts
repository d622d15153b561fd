/** What holds for every definition. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACTIONS, SETTINGS } from './index.ts'

const ALL = [...SETTINGS, ...ACTIONS]

test('names are unique, in lower case with hyphens, and short forms are unique letters', () => {
  const names = ALL.map(one => one.name)
  assert.equal(new Set(names).size, names.length)
  for (const name of names) assert.match(name, /^[a-z]+(-[a-z]+)*$/)
  const letters = ALL.flatMap(one => one.short ?? [])
  assert.equal(new Set(letters).size, letters.length)
  for (const letter of letters) assert.match(letter, /^[a-zA-Z]$/)
})

for (const setting of SETTINGS) {
  test(`${setting.name}: the default passes its own check`, () => {
    assert.ok(setting.schema.safeParse(setting.default).success)
  })
  test(`${setting.name}: what is refused comes with a phrase that follows the name`, () => {
    for (const text of ['', '\0', '-1', 'x'.repeat(1000), '[', ':::', 'null']) {
      const parsed = setting.schema.safeParse(text)
      if (!parsed.success) assert.match(parsed.error.issues[0]!.message, /^must [^']*[^.]$/s)
    }
  })
}

for (const definition of ALL)
  test(`${definition.name}: its documentation is one sentence`, () => {
    assert.match(definition.doc, /^[A-Z].*[^.]\.$/)
    assert.ok(!/\. [A-Z]/.test(definition.doc), definition.doc)
  })

test('one setting at most goes without its flag, and it has no short form and one value', () => {
  const [positional, ...more] = SETTINGS.filter(one => one.positional)
  assert.deepEqual(more, [])
  assert.equal(positional?.short, undefined)
  assert.equal(positional?.repeatable, undefined)
})
