// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are for other programs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readShellLine } from './shell-line.ts'
import { Replacing } from './variables.ts'

const VARIABLES = { PORT: '5000', TWO: 'a  b', EMPTY: '', HOME: '/home/me' }

/** Line → its commands. */
const CASES: readonly (readonly [line: string, commands: readonly (readonly string[])[]])[] = [
  ['gunicorn -b :$PORT shop', [['gunicorn', '-b', ':5000', 'shop']]],
  ['a ${PORT}x "${PORT}" \'$PORT\' \\$PORT', [['a', '5000x', '5000', '$PORT', '$PORT']]],
  ['a $TWO "$TWO" x$TWO', [['a', 'a', 'b', 'a  b', 'xa', 'b']]],
  ['a $EMPTY "$EMPTY" b', [['a', '', 'b']]],
  ['a ${NO:-4} ${EMPTY:-5}${EMPTY-6} "${NO:-x y}"', [['a', '4', '5', 'x y']]],
  ['a ${NO:-$PORT} ${NO:-${ALSO:-7}}', [['a', '5000', '7']]],
  ['a ${NO:- --reload --workers 4} b', [['a', '--reload', '--workers', '4', 'b']]],
  ['a ${PORT:+--port "$PORT"} ${NO:+--no}', [['a', '--port', '5000']]],
  ['a \'it is\'"\'s" "say \\"x\\" \\n"', [['a', "it is's", 'say "x" \\n']]],
  [
    'cd /srv && python manage.py migrate; exec a b & c | d',
    [['cd', '/srv'], ['python', 'manage.py', 'migrate'], ['exec', 'a', 'b'], ['c'], ['d']],
  ],
  ['a \\\n  b # a comment; c\nd', [['a', 'b'], ['d']]],
  ['a "$@" $* b', [['a', 'b']]],
  ['a#b $', [['a#b', '$']]],
]

for (const [line, commands] of CASES)
  test(`${JSON.stringify(line)} has these words`, () => {
    const read = readShellLine(line, new Replacing(VARIABLES))
    assert.deepEqual('commands' in read ? read.commands : read, commands)
  })

test('redirections are no words', () => {
  const read = readShellLine('a b >> out.log 2>&1 c &> x 2', new Replacing({}))
  assert.deepEqual(read, { commands: [['a', 'b', 'c', '2']], redirections: ['out.log', '1', 'x'], takesMore: false })
})

test('a variable without a value or a default is noted', () => {
  const replacing = new Replacing({ B: '1' })
  readShellLine('a $A ${B} ${C:-x} ${D:?must be set}', replacing)
  assert.deepEqual(replacing.unset, ['A', 'D'])
  assert.deepEqual(replacing.became, ['$B became its value here', "$C is not set, and became its default, 'x'"])
})

for (const [line, problem] of [
  ['a $(nproc)', 'has $(, which only a shell knows'],
  ['a `nproc`', 'has `…`, which only a shell can run'],
  ['a "`nproc`"', 'has `…`, which only a shell can run'],
  ['(a)', 'has (, which only a shell understands'],
  ['a ${B%x}', 'has ${B%x}, which only a shell understands'],
  ['a ${B', 'has ${B, which only a shell understands'],
  ['a "b', 'has a " without a second one'],
  ["a 'b", "has a ' without a second one"],
  ['a $1', 'has $1, which only a shell knows'],
] as const)
  test(`${line} ${problem}`, () => assert.deepEqual(readShellLine(line, new Replacing({ B: 'x' })), { problem }))
