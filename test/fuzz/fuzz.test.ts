/** The corpus, and a few inputs that are made of it: `npm run fuzz` makes more. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { failureOf, inputOf, tryInput } from './fuzzer.ts'
import { TARGETS, type Target } from './targets.ts'

const INPUTS = 400

for (const target of TARGETS)
  describe(target.name, () => {
    test('the corpus', async () => {
      for (const input of target.corpus) assert.equal(await failureOf(target, input, 1), null, input.toString('hex'))
    })

    test('its parts are all of an input', () => {
      for (const input of target.corpus) assert.deepEqual(Buffer.concat(target.split(input)), input)
    })

    test(`${INPUTS} inputs`, async () => {
      for (let seed = 0; seed < INPUTS; seed++) {
        const error = await failureOf(target, inputOf(target, seed), seed)
        assert.equal(error, null, `npm run fuzz -- ${target.name} ${seed}`)
      }
    })
  })

test('a failure is made small', async () => {
  const failing: Target = {
    ...TARGETS[2]!,
    async check(bytes) {
      assert.ok(!bytes.includes('bad'))
    },
  }
  const failure = await tryInput(failing, Buffer.from('one\ntwo and a bad one\nthree\n'), 1)
  assert.equal(failure!.input.toString(), 'bad')
})

test('the same seed gives the same input', () => {
  for (const target of TARGETS) assert.deepEqual(inputOf(target, 77), inputOf(target, 77))
})
