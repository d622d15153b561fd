import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Command, commandOf } from '../commands.ts'
import { describeTerminal } from '../terminal.ts'
import { COMMAND_TEXTS, commandHelp } from './help.ts'
import { readWords } from './words.ts'

/** As a user writes it. */
function read(line: string) {
  const found = commandOf(line.split(' '))
  assert.ok(found !== null)
  return readWords(found.command, found.rest)
}

const RIGHT: readonly (readonly [line: string, question: object])[] = [
  ['status', { command: 'status' }],
  ['stop', { command: 'stop' }],
  ['reload', { command: 'reload' }],
  ['reload shop', { command: 'reload', app: 'shop' }],
  ['workers 6', { command: 'workers', workers: 6 }],
  ['workers shop 6', { command: 'workers', app: 'shop', workers: 6 }],
  ['workers shop/export 2', { command: 'workers', app: 'shop', pool: 'export', workers: 2 }],
  ['log-level debug', { command: 'log-level', level: 'debug' }],
]
for (const [line, question] of RIGHT)
  test(`jumak ${line}`, () => assert.deepEqual(read(line), { question, isJson: false, isProbe: false, where: [] }))

test('flags stand anywhere, and those of the program are passed on', () => {
  assert.deepEqual(read('reload -c a.toml --json shop --chdir=/srv --admin-socket a.sock'), {
    question: { command: 'reload', app: 'shop' },
    isJson: true,
    isProbe: false,
    where: ['--config=a.toml', '--chdir=/srv', '--admin-socket=a.sock'],
  })
})

test('flags that say which program is meant may stand before the command', () => {
  const question = { command: 'reload', app: 'shop' }
  const where = ['--config=a.toml']
  for (const line of ['-c a.toml reload shop', '--config=a.toml reload shop', '--config a.toml reload shop'])
    assert.deepEqual(read(line), { question, isJson: false, isProbe: false, where }, line)
  assert.deepEqual(read('--json --chdir /srv --admin-socket=a.sock reload shop'), {
    question,
    isJson: true,
    isProbe: false,
    where: ['--chdir=/srv', '--admin-socket=a.sock'],
  })
})

test('jumak status --ready is a probe', () => {
  const words = read('status -c shop.toml --ready')
  assert.ok('isProbe' in words && words.isProbe)
})

const WRONG: readonly (readonly [line: string, problem: RegExp])[] = [
  ['status shop', /^jumak status takes no 'shop'$/],
  ['status status:app', /write \.\/status\.py or status:app$/],
  ['stop now', /^jumak stop takes no 'now'$/],
  ['reload a b', /takes one application at most/],
  ['workers', /needs a number/],
  ['workers shop', /from 1 to 1024, not 'shop'/],
  ['workers 0', /from 1 to 1024, not '0'/],
  ['workers 1025', /from 1 to 1024/],
  ['workers -1', /has no flag -1/],
  ['workers a b 3', /takes an application and a number/],
  ['log-level', /needs one of debug, info, warn, error$/],
  ['log-level loud', /not 'loud'$/],
  ['status --workers=3', /^jumak status has no flag --workers; it has/],
  ['status --toString', /has no flag --toString/],
  ['stop --ready', /^jumak stop has no flag --ready; it has/],
  ['status -c', /^-c needs a value$/],
]
for (const [line, problem] of WRONG)
  test(`jumak ${line} is refused`, () => {
    const words = read(line)
    assert.ok('problem' in words)
    assert.match(words.problem, problem)
  })

test('a first word that is exactly a command is the command', () => {
  for (const word of ['./status.py', 'status:app', 'status.py', 'stat', 'Status', '--status', 'help'])
    assert.equal(commandOf([word]), null, word)
  assert.equal(commandOf(['-w', '2', 'status']), null)
  assert.equal(commandOf(['-c', 'status']), null, 'a file of that name')
  assert.equal(commandOf([]), null)
  assert.deepEqual(commandOf(['help', 'reload']), { command: 'reload', rest: ['--help'] })
})

for (const command of Object.keys(COMMAND_TEXTS) as Command[])
  test(`jumak ${command} --help shows examples that are right, on any terminal`, () => {
    assert.deepEqual(read(`${command} --help`), { isHelp: true })
    for (const columns of [60, 80, 120]) {
      const terminal = describeTerminal({ columns }, {})
      const text = commandHelp(command, terminal)
      assert.match(text, new RegExp(`^Usage: jumak ${command}`, 'm'))
      for (const line of text.split('\n')) assert.ok(line.length <= terminal.width, line)
    }
    for (const [example] of COMMAND_TEXTS[command].examples) {
      const line = new RegExp(`jumak (${command}[^|&]*)`).exec(example)![1]!.trim()
      assert.ok('question' in read(line), line)
    }
  })
