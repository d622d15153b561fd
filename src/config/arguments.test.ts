import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Arguments, parseArguments } from './arguments.ts'

const parse = (...words: string[]) => parseArguments(words)
const messages = (args: Arguments) => args.diagnostics.map(one => one.message)

for (const words of [['-w', '4'], ['-w4'], ['-w=4'], ['--workers', '4'], ['--workers=4']])
  test(`${words.join(' ')} gives workers a value`, () => {
    const args = parse(...words)
    assert.deepEqual(messages(args), [])
    assert.deepEqual(args.values.get('workers'), ['4'])
  })

test('values may be empty, hold an equals sign, and be a hyphen', () => {
  assert.deepEqual(parse('--python=').values.get('python'), [''])
  assert.deepEqual(parse('--access-log=a=b').values.get('access-log'), ['a=b'])
  assert.deepEqual(parse('--access-log', '-').values.get('access-log'), ['-'])
})

test('a repeatable flag collects its values in order', () => {
  assert.deepEqual(parse('-b', ':8000', '--bind=[::1]:1', '-bunix:/x').values.get('bind'), [
    ':8000',
    '[::1]:1',
    'unix:/x',
  ])
})

test('any other flag that is repeated is an error that names both values', () => {
  assert.deepEqual(messages(parse('-w', '2', '--workers=3')), [
    "--workers may be given once, and is given as '2' and as '3'",
  ])
})

test('the word without a flag is the application, before, between and after flags', () => {
  for (const words of [
    ['shop', '-w', '2'],
    ['-w', '2', 'shop', '--threads=1'],
    ['-w2', 'shop'],
    ['-w2', '--', 'shop'],
  ])
    assert.deepEqual(parse(...words).values.get('app'), ['shop'], words.join(' '))
})

test('after -- nothing is a flag', () => {
  assert.deepEqual(parse('--', '-w').values.get('app'), ['-w'])
})

test('two applications are an error that names both', () => {
  assert.deepEqual(messages(parse('shop', 'blog')), ["APP may be given once, and is given as 'shop' and as 'blog'"])
})

test('--app is no flag: the application has none', () => {
  assert.match(messages(parse('--app=shop'))[0]!, /there is no flag --app/)
})

test('a missing value is told, and the flag that stands in its place still counts', () => {
  for (const words of [['-w'], ['-w', '-b', ':80'], ['-w', '-b:80'], ['-w', '--bind=:80'], ['-w', '--']])
    assert.deepEqual(messages(parse(...words)), ['-w needs a value: -w N'], words.join(' '))
  assert.deepEqual(parse('-w', '-b', ':80').values.get('bind'), [':80'])
  assert.deepEqual(messages(parse('--chdir', '--help')), ['--chdir needs a value: --chdir DIR'])
})

test('a value that starts with a hyphen is told, with the way to mean it', () => {
  assert.deepEqual(messages(parse('-w', '-4')), [
    "-w needs a value, and '-4' looks like a flag; write --workers=-4 if you mean it",
  ])
  assert.deepEqual(parse('--chdir=-x').values.get('chdir'), ['-x'])
})

test('an unknown flag gets a suggestion where one is near', () => {
  assert.deepEqual(messages(parse('--wrokers=4')), ['there is no flag --wrokers; did you mean --workers?'])
  assert.deepEqual(messages(parse('--hlep')), ['there is no flag --hlep; did you mean --help?'])
  assert.deepEqual(messages(parse('-workers', '4')), ['there is no flag -workers; did you mean --workers?'])
  assert.deepEqual(messages(parse('--certificate=x')), ['there is no flag --certificate'])
  assert.deepEqual(messages(parse('-p8000')), ['there is no flag -p'])
})

test('the value of a misspelt flag is not taken for the application', () => {
  const args = parse('--wrokers', '4', 'shop')
  assert.deepEqual(args.values.get('app'), ['shop'])
  assert.equal(args.isPositionalUncertain, false)
})

test('what follows an unknown flag may be its value or the application: nothing is said about either', () => {
  const args = parse('--certificate', 'x.pem', 'shop')
  assert.deepEqual(messages(args), ['there is no flag --certificate'])
  assert.equal(args.isPositionalUncertain, true)
})

test('help and version are seen anywhere, and take no value', () => {
  assert.deepEqual([...parse('-w', '4', '-h', 'shop').actions], ['help'])
  assert.deepEqual([...parse('--version').actions], ['version'])
  assert.deepEqual([...parse('-V').actions], ['version'])
  assert.deepEqual(messages(parse('--help=me')), ["--help takes no value, not even 'me'"])
})

test('all that is wrong is told at once', () => {
  assert.equal(messages(parse('--wrokers=4', '-w', '1', '-w', '2', 'a', 'b', '--threads')).length, 4)
})

test('any words are read without an exception, and values come from them alone', () => {
  const word = fc.oneof(fc.constantFrom('-w', '--bind', '-b:1', '--', '-', '--help', '--x', 'shop', '4'), fc.string())
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), words => {
      for (const values of parseArguments(words).values.values())
        for (const value of values) assert.ok(words.some(one => one.includes(value)))
    }),
  )
})
