import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Arguments, parseArguments } from './arguments.ts'

const parse = (...words: string[]) => parseArguments(words)
const texts = (args: Arguments, name: string) => args.values.get(name)?.map(one => one.text)
const messages = (args: Arguments) => args.diagnostics.map(one => one.message)

for (const words of [['-w', '4'], ['-w4'], ['-w=4'], ['--workers', '4'], ['--workers=4']])
  test(`${words.join(' ')} gives workers a value`, () => {
    const args = parse(...words)
    assert.deepEqual(messages(args), [])
    assert.deepEqual(texts(args, 'workers'), ['4'])
  })

test('values may be empty, hold an equals sign, and be a hyphen', () => {
  assert.deepEqual(texts(parse('--python='), 'python'), [''])
  assert.deepEqual(texts(parse('--access-log=a=b'), 'access-log'), ['a=b'])
  assert.deepEqual(texts(parse('--access-log', '-'), 'access-log'), ['-'])
})

test('a repeatable flag collects its values in order', () => {
  assert.deepEqual(texts(parse('-b', ':8000', '--bind=[::1]:1', '-bunix:/x'), 'bind'), [':8000', '[::1]:1', 'unix:/x'])
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
    assert.deepEqual(texts(parse(...words), 'app'), ['shop'], words.join(' '))
})

test('after -- nothing is a flag', () => {
  assert.deepEqual(texts(parse('--', '-w'), 'app'), ['-w'])
})

test('two applications are an error that names both', () => {
  assert.deepEqual(messages(parse('shop', 'blog')), ["APP may be given once, and is given as 'shop' and as 'blog'"])
})

test('--app is no flag: the application has none', () => {
  assert.match(messages(parse('--app=shop'))[0]!, /there is no flag --app/)
})

test('a missing value is reported, and the flag in its place still counts', () => {
  for (const words of [['-w'], ['-w', '-b', ':80'], ['-w', '-b:80'], ['-w', '--bind=:80'], ['-w', '--']])
    assert.deepEqual(messages(parse(...words)), ['-w needs a value: -w N'], words.join(' '))
  assert.deepEqual(texts(parse('-w', '-b', ':80'), 'bind'), [':80'])
  assert.deepEqual(messages(parse('--chdir', '--help')), ['--chdir needs a value: --chdir DIR'])
})

test('a value that begins with a hyphen is refused, with the form that allows it', () => {
  assert.deepEqual(messages(parse('-w', '-4')), [
    "-w needs a value, and '-4' looks like a flag; write --workers=-4 if you mean it",
  ])
  assert.deepEqual(texts(parse('--chdir=-x'), 'chdir'), ['-x'])
})

test('an unknown flag gets a suggestion if a name is near', () => {
  assert.deepEqual(messages(parse('--wrokers=4')), ['there is no flag --wrokers; did you mean --workers?'])
  assert.deepEqual(messages(parse('--hlep')), ['there is no flag --hlep; did you mean --help?'])
  assert.deepEqual(messages(parse('-workers', '4')), ['there is no flag -workers; did you mean --workers?'])
  assert.deepEqual(messages(parse('--chain-file=x')), ['there is no flag --chain-file'])
  assert.deepEqual(messages(parse('-j8000')), ['there is no flag -j'])
})

test('the value of a misspelt flag is not taken for the application', () => {
  const args = parse('--wrokers', '4', 'shop')
  assert.deepEqual(texts(args, 'app'), ['shop'])
  assert.equal(args.isPositionalUncertain, false)
})

test('the word after an unknown flag may be its value or the application: there is no message about it', () => {
  const args = parse('--chain-file', 'x.pem', 'shop')
  assert.deepEqual(messages(args), ['there is no flag --chain-file'])
  assert.equal(args.isPositionalUncertain, true)
})

test('help and version count anywhere on the line, and take no value', () => {
  assert.deepEqual([...parse('-w', '4', '-h', 'shop').actions], ['usage'])
  assert.deepEqual([...parse('--help').actions], ['help'])
  assert.deepEqual([...parse('--version').actions], ['version'])
  assert.deepEqual([...parse('-V').actions], ['version'])
  assert.deepEqual(messages(parse('--help=me')), ["--help takes no value, not even 'me'"])
})

test('all mistakes are reported at once', () => {
  assert.equal(messages(parse('--wrokers=4', '-w', '1', '-w', '2', 'a', 'b', '--threads')).length, 4)
})

test('a switch takes no value, and has an opposite', () => {
  assert.deepEqual(texts(parse('--reload', 'shop'), 'reload'), ['on'])
  assert.deepEqual(texts(parse('--reload', 'shop'), 'app'), ['shop'])
  assert.deepEqual(texts(parse('--no-reload'), 'reload'), ['off'])
  assert.match(messages(parse('--reload=on'))[0]!, /^--reload takes no value, .*: write --reload or --no-reload$/)
  assert.match(messages(parse('--reload', '--no-reload'))[0]!, /^--reload may be given once/)
  assert.match(messages(parse('--no-relaod'))[0]!, /did you mean --no-reload\?$/)
  assert.match(messages(parse('--no-workers'))[0]!, /^there is no flag --no-workers/)
})

test('commas separate values only where a value can have no comma', () => {
  assert.deepEqual(texts(parse('-b', ':1, :2', '-b:3'), 'bind'), [':1', ':2', ':3'])
  assert.deepEqual(texts(parse('-e', 'A=1,B=2'), 'env'), ['A=1,B=2'])
})

test('a flag that takes one of a few words, among them on and off, leaves the application alone', () => {
  const args = parse('--preload', 'shop.wsgi:application')
  assert.deepEqual(messages(args), [
    '--preload needs a value: write --preload on',
    'so all of it is: jumak --preload on shop.wsgi:application',
  ])
  assert.deepEqual(texts(args, 'app'), ['shop.wsgi:application'])
})

test('any words are read without an exception, and values come from them alone', () => {
  const word = fc.oneof(fc.constantFrom('-w', '--bind', '-b:1', '--', '-', '--help', '--x', 'shop', '4'), fc.string())
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), words => {
      for (const values of parseArguments(words).values.values())
        for (const value of values) assert.ok(words.some(one => one.includes(value.text)))
    }),
  )
})
