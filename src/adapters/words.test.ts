/** The words of command lines, as argparse and click read them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnyOption, option } from './option.ts'
import { flag, list, oneOfOr, text, wholeNumber } from './shapes.ts'
import { ARGPARSE, CLICK, type Dialect, readWords } from './words.ts'

const OPTIONS: readonly AnyOption[] = (
  [
    ['workers', ['-w', '--workers'], wholeNumber()],
    ['worker_class', ['-k', '--worker-class'], text()],
    ['bind', ['-b', '--bind'], list()],
    ['reload', ['-r', '--reload'], flag()],
    ['daemon', ['-D'], flag()],
    ['proxy', ['--proxy'], oneOfOr('auto', 'off', 'auto')],
  ] as const
).map(([name, flags, shape]) => option<unknown>(name, flags, shape, { is: 'idle', why: 'does nothing' }))

function read(words: string, dialect: Dialect = ARGPARSE) {
  const { given, positionals, problems } = readWords(words.split(' '), OPTIONS, dialect)
  return {
    given: Object.fromEntries([...given].map(([name, { value }]) => [name, value])),
    positionals,
    problems: problems.map(({ message }) => message),
  }
}

/** Words → values, and what is left. */
const BOTH: readonly (readonly [words: string, given: object, positionals: readonly string[]])[] = [
  ['-w 3 app', { workers: 3 }, ['app']],
  ['app -w3', { workers: 3 }, ['app']],
  ['--workers=3 --workers 4', { workers: 4 }, []],
  ['-b a -b=b --bind c', { bind: ['a', '=b', 'c'] }, []],
  ['--reload app', { reload: true }, ['app']],
  ['-rD app', { reload: true, daemon: true }, ['app']],
  ['-rw3', { reload: true, workers: 3 }, []],
  ['--worker-class=', { worker_class: '' }, []],
  ['-k - app', { worker_class: '-' }, ['app']],
  ['-k -1', { worker_class: '-1' }, []],
  ['-- -w 3', {}, ['-w', '3']],
  ['--proxy off', { proxy: 'off' }, []],
  ['--proxy -w 3', { proxy: 'auto', workers: 3 }, []],
  ['--proxy', { proxy: 'auto' }, []],
]

for (const [words, given, positionals] of BOTH)
  for (const dialect of [ARGPARSE, CLICK])
    test(`${words}${dialect === CLICK ? ', click' : ''}`, () => {
      // argparse takes the sign after a letter for a separator.
      const expected = JSON.parse(JSON.stringify(given).replace('=b', dialect === ARGPARSE ? 'b' : '=b'))
      assert.deepEqual(read(words, dialect), { given: expected, positionals, problems: [] })
    })

test('argparse lets long flags be shortened as far as they are clear, click does not', () => {
  assert.deepEqual(read('--rel --workers 2 --worker- x').given, { reload: true, workers: 2, worker_class: 'x' })
  assert.deepEqual(read('--work 2').problems, ['--work may be --workers or --worker-class: write more of it'])
  assert.deepEqual(read('--rel', CLICK).problems, ['--rel is unknown; did you mean --reload?'])
})

test('mistakes name the flag, and the words after them are still read', () => {
  const { given, problems } = read('--wrokers 2 -x --reload=1 -w many -b')
  assert.deepEqual(given, {})
  assert.deepEqual(problems, [
    '--wrokers is unknown; did you mean --workers?',
    '-x is unknown',
    "--reload takes no value, not even '1'",
    "-w must be a whole number from 0 on, not 'many'",
    '-b needs a value',
  ])
})

test('any words are read without an exception, and each is a value, a positional or a problem', () => {
  const word = fc.oneof(fc.constantFrom('-w', '--bind', '--', '-rD', '--re', '-', '='), fc.string())
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), fc.constantFrom(ARGPARSE, CLICK), (words, dialect) => {
      const { given, positionals, problems } = readWords(words, OPTIONS, dialect)
      assert.ok(positionals.every(one => words.includes(one)))
      for (const { option: known } of given.values()) assert.ok(OPTIONS.includes(known))
      if (words.every(one => !one.startsWith('-') || one === '-'))
        assert.deepEqual([positionals, problems], [words, []])
    }),
  )
})
