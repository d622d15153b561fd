import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluateConditions, isRangeWanted, readConditions } from './conditional.ts'
import { parseHttpDate } from './date.ts'

const DATE = 'Sun, 06 Nov 1994 08:49:37 GMT'
const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT'
const LATER = 'Sun, 06 Nov 1994 08:49:38 GMT'
const FILE = { etag: '"abc"', lastModified: DATE, modifiedAt: Date.parse(DATE), dateRule: 'before' } as const

type Line = readonly [name: string, value: string]

const CASES: readonly (readonly [rule: string, expected: 200 | 304 | 412, ...lines: Line[]])[] = [
  ['RFC9110§13.2.2: nothing asked', 200],
  ['RFC9110§13.1.1: the tag is there', 200, ['if-match', '"abc"']],
  ['RFC9110§13.1.1: in a list', 200, ['if-match', '"x", "abc"']],
  ['RFC9110§13.1.1: in a list of two lines', 200, ['if-match', '"x"'], ['if-match', '"abc"']],
  ['RFC9110§13.1.1: any', 200, ['if-match', '*']],
  ['RFC9110§13.1.1: another one', 412, ['if-match', '"x"']],
  ['RFC9110§13.1.1: a weak one is not strong enough', 412, ['if-match', 'W/"abc"']],
  ['RFC9110§13.1.1: no tag at all', 412, ['if-match', 'abc']],
  ['RFC9110§13.1.2: the tag is there', 304, ['if-none-match', '"abc"']],
  ['RFC9110§13.1.2: a weak one is as good', 304, ['if-none-match', 'W/"abc"']],
  ['RFC9110§13.1.2: in a list', 304, ['if-none-match', '"x",W/"y" ,\t"abc"']],
  ['RFC9110§13.1.2: any', 304, ['if-none-match', '*']],
  ['RFC9110§13.1.2: another one', 200, ['if-none-match', '"x"']],
  ['RFC9110§13.1.2: a part of a tag is none', 200, ['if-none-match', '"ab"']],
  ['RFC9110§8.8.3: a comma within a tag', 200, ['if-none-match', '"x,"abc",y"']],
  ['RFC9110§13.1.3: as old', 304, ['if-modified-since', DATE]],
  ['RFC9110§13.1.3: older than the client has', 304, ['if-modified-since', LATER]],
  ['RFC9110§13.1.3: newer', 200, ['if-modified-since', EARLIER]],
  ['RFC9110§13.1.3: no date', 200, ['if-modified-since', 'yesterday']],
  ['RFC9110§13.1.3: two dates', 200, ['if-modified-since', DATE], ['if-modified-since', DATE]],
  ['RFC9110§5.6.7: the form of RFC 850', 304, ['if-modified-since', 'Sunday, 06-Nov-94 08:49:37 GMT']],
  ['RFC9110§5.6.7: the form of asctime', 304, ['if-modified-since', 'Sun Nov  6 08:49:37 1994']],
  [
    'RFC9110§13.1.3: with If-None-Match it is not looked at',
    200,
    ['if-none-match', '"x"'],
    ['if-modified-since', DATE],
  ],
  ['RFC9110§13.1.4: as old', 200, ['if-unmodified-since', DATE]],
  ['RFC9110§13.1.4: changed since', 412, ['if-unmodified-since', EARLIER]],
  ['RFC9110§13.1.4: no date', 200, ['if-unmodified-since', 'x']],
  ['RFC9110§13.1.4: with If-Match it is not looked at', 200, ['if-match', '"abc"'], ['if-unmodified-since', EARLIER]],
  ['RFC9110§13.2.2: If-Match comes first', 412, ['if-match', '"x"'], ['if-none-match', '"abc"']],
  ['RFC9110§13.2.2: then If-None-Match', 304, ['if-match', '"abc"'], ['if-none-match', '"abc"']],
  [
    'RFC9110§13.2.2: If-Unmodified-Since comes before If-None-Match',
    412,
    ['if-unmodified-since', EARLIER],
    ['if-none-match', '"abc"'],
  ],
]

for (const [rule, expected, ...lines] of CASES) {
  test(`${rule}: ${expected}`, () => {
    assert.equal(evaluateConditions(readConditions(lines.flat()), FILE), expected)
  })
}

test('RFC9110§13.1.5: If-Range', () => {
  const now = Date.parse(DATE) + 5000
  for (const [text, expected] of [
    [undefined, true],
    ['"abc"', true],
    ['"x"', false],
    ['W/"abc"', false],
    [DATE, true],
    [LATER, false],
    [EARLIER, false],
    ['x', false],
    ['', false],
  ] as const)
    assert.equal(isRangeWanted(text, FILE, now), expected, String(text))
  // RFC9110§8.8.2.2: a date is weak within the second of the change.
  assert.equal(isRangeWanted(DATE, FILE, Date.parse(DATE) + 999), false)
})

test('a long list of tags is read in linear time', () => {
  const { ifNoneMatch } = readConditions(['if-none-match', `${'"x" , '.repeat(10_000)}"abc"`])
  assert.equal(evaluateConditions(readConditions(['if-none-match', ifNoneMatch!]), FILE), 304)
})

test('dates in all three forms, and texts that are no dates (RFC9110§5.6.7)', () => {
  for (const text of [DATE, 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])
    assert.equal(parseHttpDate(text), 784111777000, text)
  // A year more than 50 years ahead is one of the past.
  assert.equal(new Date(parseHttpDate('Sunday, 06-Nov-99 08:49:37 GMT')!).getUTCFullYear(), 1999)
  assert.equal(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT'), Date.UTC(2017, 0, 1))
  for (const text of [
    '',
    '1994-11-06',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'sun, 06 nov 1994 08:49:37 gmt',
    `${DATE} `,
  ])
    assert.equal(parseHttpDate(text), null, text)
})

test('a rule of the configuration may want exactly the date of the file, or none', () => {
  const status = (dateRule: 'exact' | 'off', date: string) =>
    evaluateConditions(readConditions(['if-modified-since', date]), { ...FILE, dateRule })
  assert.deepEqual(
    [DATE, 'Sunday, 06-Nov-94 08:49:37 GMT', LATER, EARLIER, 'junk'].map(date => status('exact', date)),
    [304, 304, 200, 200, 200],
  )
  assert.deepEqual(
    [DATE, LATER].map(date => status('off', date)),
    [200, 200],
  )
})
