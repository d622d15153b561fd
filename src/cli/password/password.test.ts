import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { ReadStream } from 'node:tty'
import { HASH_NAMES, makePasswordHash } from '../../access/hashes/make.ts'
import { isPassword } from '../../access/hashes/verify.ts'
import { parsePasswordHash } from '../../access/password-hash.ts'
import { askHidden, firstLine } from './prompt.ts'
import { readPasswordWords } from './words.ts'

test('each hash that is made can be checked', () => {
  for (const name of HASH_NAMES) {
    const parsed = parsePasswordHash(makePasswordHash('pässword', name))
    if ('problem' in parsed) assert.fail(`${name} ${parsed.problem}`)
    assert.equal(isPassword(Buffer.from('pässword'), parsed), true, name)
    assert.equal(isPassword(Buffer.from('password'), parsed), false, name)
  }
})

test('one name, and how it is hashed', () => {
  assert.deepEqual(readPasswordWords(['ann']), { name: 'ann', hash: 'bcrypt' })
  assert.deepEqual(readPasswordWords(['--hash', 'argon2id', 'ann']), { name: 'ann', hash: 'argon2id' })
  assert.deepEqual(readPasswordWords(['ann', '--hash=sha512']), { name: 'ann', hash: 'sha512' })
  for (const words of [[], ['ann', 'secret'], ['a:b'], ['a\n'], ['--hash', 'md5', 'ann'], ['--hash'], ['-x', 'ann']])
    assert.ok('problem' in readPasswordWords(words), words.join(' '))
})

/** A terminal in which somebody types. */
function typed(keys: string) {
  const input = Object.assign(new PassThrough(), {
    modes: [] as boolean[],
    setRawMode(isRaw: boolean) {
      this.modes.push(isRaw)
    },
  })
  input.write(keys)
  return { input: input as unknown as ReadStream & { modes: boolean[] }, output: new PassThrough().setEncoding('utf8') }
}

test('a terminal shows nothing of what is typed, and shows it again afterwards', async () => {
  for (const [keys, expected] of [
    ['s3cret\r', 's3cret'],
    ['pä\x7fassé\x7f\n', 'pass'],
    ['wrong\x15right\r', 'right'],
    ['half\x03', null],
  ] as const) {
    const { input, output } = typed(keys)
    assert.equal(await askHidden('Password: ', input, output), expected)
    assert.deepEqual(input.modes, [true, false])
    assert.equal(output.read(), 'Password: \n')
  }
})

test('of a pipe the first line counts, without its end', async () => {
  const of = async (text: string) => {
    const input = new PassThrough()
    input.end(text)
    return firstLine(input)
  }
  assert.equal(await of('a b \r\nmore\n'), 'a b ')
  assert.equal(await of('no end'), 'no end')
  assert.equal(await of(''), '')
})
