import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkAccessFormat, NAMED_FORMATS, parseAccessFormat } from './access-format.ts'

test('the named formats, and any text with atoms, can be written', () => {
  for (const format of [...Object.keys(NAMED_FORMATS), '%(h)s %({User-Agent}i)s 100%% %({Worker}x)s'])
    assert.equal(checkAccessFormat(format), null, format)
  for (const format of [NAMED_FORMATS.common, NAMED_FORMATS.combined]) assert.equal(checkAccessFormat(format), null)
})

test('a format is cut into its text and its atoms', () => {
  assert.deepEqual(parseAccessFormat('a %(h)s%%%({X-Y}o)s'), {
    parts: [
      { kind: 'text', text: 'a ' },
      { kind: 'atom', letter: 'h' },
      { kind: 'text', text: '%' },
      { kind: 'named', letter: 'o', name: 'x-y' },
    ],
  })
})

test('what cannot be written is refused, with the place and what is allowed', () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['combinde', /^must be common, combined, json, or/],
    ['', /^must be common/],
    ['%h', /^must write an atom as %\(h\)s .*'%h', at character 1/],
    ['ab %(h)d', /at character 4/],
    ['%(Z)s', /^must use one of the atoms h l u .*\(%\(Z\)s, at character 1\)/],
    ['%({a b}i)s', /must name a header/],
    ['%({wsgi.errors}e)s', /must not use .*environ lives in the worker/],
    ['%({nothing}x)s', /must name one of request-id, queue-time, app-time, worker/],
    ['%({a}q)s', /must have i .* o .* or x/],
    ['%(h)s\n', /no line break/],
    [`%(h)s${'x'.repeat(5000)}`, /at most 4096/],
    ['100%', /percent sign as %%/],
  ]
  for (const [format, problem] of refused) assert.match(checkAccessFormat(format) ?? 'accepted', problem, format)
})

test('no text makes it throw or hang', () => {
  const text = fc.string({ unit: fc.constantFrom('%', '(', ')', '{', '}', 's', 'h', 'i', '-') })
  fc.assert(
    fc.property(text, format => {
      parseAccessFormat(format)
    }),
  )
})
