/** The table against gunicorn's own list. What each option becomes: `gunicorn.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OPTIONS, SETTINGS } from './table.ts'
import { PEER_SETTINGS } from './testing/peer-settings.ts'

/** Younger than the list. */
const NEWER = ['websocket_max_message_size']

const ofPeer = new Map(PEER_SETTINGS.map(([name, flags, standard]) => [name, { flags, standard }]))

test('the table has exactly the settings of gunicorn', () => {
  assert.equal(PEER_SETTINGS.length, 119)
  const names = SETTINGS.map(({ name }) => name)
  assert.deepEqual(names.filter(name => !NEWER.includes(name)).sort(), [...ofPeer.keys()].sort())
  assert.equal(new Set(names).size, names.length)
})

test('each has the flags and the default of gunicorn', () => {
  for (const { name, flags, standard } of SETTINGS.filter(one => !NEWER.includes(one.name)))
    assert.deepEqual({ name, flags, standard }, { name, ...ofPeer.get(name)! })
})

test('no flag is there twice, and short ones are a letter', () => {
  const flags = OPTIONS.flatMap(option => option.flags)
  assert.equal(new Set(flags).size, flags.length)
  assert.deepEqual(
    flags.filter(flag => !/^(?:-[A-Za-z]|--[a-z][a-z0-9_-]+)$/.test(flag)),
    [],
  )
})

test('each has a sentence, and each answer has its words', () => {
  for (const { name, doc, answer } of OPTIONS) {
    assert.match(doc, /^[A-Z].*[.]$/, name)
    if (answer.is === 'refused') {
      assert.match(answer.would, /^would /, name)
      assert.notEqual(answer.instead, '', name)
    } else if (answer.is === 'idle') assert.match(answer.why, /^(?:is not needed: |does nothing)/, name)
    else assert.notEqual(answer.as, '', name)
  }
})

test('each default is a value that the option may have', () => {
  for (const { name, shape, standard } of OPTIONS) {
    if (standard === null || /^[[{$]/.test(standard)) continue
    const parsed = shape.takes === 'nothing' ? shape.fromFile(standard) : shape.fromText(standard)
    assert.ok('value' in parsed, `${name} ${standard}`)
  }
})
