import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { ACTIONS, SETTINGS } from '../config/settings/index.ts'
import { labelOf } from '../config/settings/setting.ts'
import { EXIT_CODES, formatHelp, formatUsage } from './help.ts'
import { describeTerminal } from './terminal.ts'

const help = formatHelp(describeTerminal({}, {}))
/** The wrapped text, on one line. */
const flat = help.replace(/\s+/g, ' ')

for (const setting of SETTINGS)
  test(`help shows ${labelOf(setting)} with its short form, placeholder, sentence and default, in its section`, () => {
    assert.ok(flat.includes(setting.doc), setting.doc)
    assert.ok(flat.includes(`${setting.doc} [${setting.defaultText ?? setting.default}]`))
    const short = setting.short === undefined ? '' : `-${setting.short}, `
    const flags = setting.positional ? 'APP' : `${short}--${setting.name} ${setting.placeholder}`.trimEnd()
    assert.match(help, new RegExp(`^ +${RegExp.escape(flags)}( |$)`, 'm'))
    const section = help.split('\n\n').find(block => block.startsWith(`${setting.section}\n`))
    assert.ok(section?.includes(flags))
  })

for (const action of ACTIONS)
  test(`help shows --${action.name}`, () => {
    const short = action.short === undefined ? '' : `-${action.short}, `
    assert.ok(flat.includes(`${short}--${action.name} ${action.doc}`))
  })

test('help shows no flag that is not defined', () => {
  const defined = [...SETTINGS, ...ACTIONS].map(one => `--${one.name}`).concat('--some-name')
  for (const flag of help.match(/--[a-z][a-z\d-]*/g) ?? []) assert.ok(defined.includes(flag), flag)
})

test('help begins with examples and ends with the exit codes', () => {
  assert.ok(help.indexOf('Examples') < help.indexOf('Application\n'))
  assert.deepEqual(
    EXIT_CODES.map(([code]) => code),
    ['0', '1', '2', '3'],
  )
  const end = help.slice(help.indexOf('Exit codes'))
  for (const [code, meaning] of EXIT_CODES) assert.match(end, new RegExp(`^ +${code} +${meaning}$`, 'm'))
})

for (const [columns, width] of [
  [undefined, 100],
  [200, 120],
  [80, 80],
  [20, 60],
] as const)
  test(`help fits ${width} columns on a terminal of ${columns ?? 'unknown'}`, () => {
    const terminal = describeTerminal(columns === undefined ? {} : { columns }, {})
    for (const line of formatHelp(terminal).split('\n')) {
      assert.ok(line.length <= width, line)
      assert.equal(line, line.trimEnd())
    }
  })

test('help has static files, logs and reload before limits', () => {
  const titles = ['Application', 'Static files', 'Logging', 'Development', 'Limits', 'Information']
  const places = titles.map(title => help.indexOf(`\n\n${title}\n`))
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  )
  assert.ok(places.every(place => place > 0))
})

for (const columns of [80, 100, 200])
  test(`the short form fits fifteen lines of ${columns} columns, and says where the rest is`, () => {
    const lines = formatUsage(describeTerminal({ columns }, {})).trimEnd().split('\n')
    assert.ok(lines.length <= 15, lines.join('\n'))
    for (const line of lines) assert.ok(line.length <= columns, line)
    assert.match(lines.at(-1)!, /jumak --help$/)
    for (const flag of ['--bind', '--workers', '--static', '--access-log', '--reload', '--check'])
      assert.ok(
        lines.some(line => line.includes(`${flag} `)),
        flag,
      )
  })

test('help is short enough to be read on a wide terminal', () => {
  const lines = formatHelp(describeTerminal({ columns: 120 }, {})).split('\n').length
  // A line for each setting, a second line for some, and the text around them.
  assert.ok(
    lines <= SETTINGS.length + 80,
    `${lines} lines: shorten what a setting says of itself, the reference has room`,
  )
})

test('colours change nothing but the colour', () => {
  const coloured = formatHelp(describeTerminal({ isTTY: true, columns: 100 }, {}))
  assert.notEqual(coloured, help)
  assert.equal(stripVTControlCharacters(coloured), help)
})
