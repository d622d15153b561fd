import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAppName } from './app-name.ts'

for (const [text, place, callable, factory] of [
  ['shop', 'shop', null, false],
  ['mysite.wsgi', 'mysite.wsgi', null, false],
  ['mysite.wsgi:application', 'mysite.wsgi', 'application', false],
  ['shop:site.app', 'shop', 'site.app', false],
  ['shop:create_app()', 'shop', 'create_app', true],
  ['shop:factories.make()', 'shop', 'factories.make', true],
  ['./x/app.py:app', './x/app.py', 'app', false],
  ['/srv/a:b/app.py', '/srv/a:b/app.py', null, false],
  ['/srv/a:b/app.py:app', '/srv/a:b/app.py', 'app', false],
  ['가게:앱', '가게', '앱', false],
] as const)
  test(`${text} is taken apart`, () =>
    assert.deepEqual(parseAppName(text), { value: { place, callable, factory, arguments: '', paste: null, text } }))

test('a factory may get arguments', () => {
  const text = `shop:make( "x:y/z", debug=True)`
  const value = { place: 'shop', callable: 'make', factory: true, arguments: '"x:y/z", debug=True', paste: null, text }
  assert.deepEqual(parseAppName(text), { value })
})

for (const [text, place, name, paste] of [
  ['production.ini', 'production.ini', 'main', {}],
  ['production.ini#shop', 'production.ini', 'shop', {}],
  ['/srv/a:b/c#/etc/zope.ini', '/srv/a:b/c#/etc/zope.ini', 'main', {}],
  ['etc/wsgi.conf#my shop', 'etc/wsgi.conf', 'my shop', {}],
  ['production.ini?stage=a%26b&dir=/srv#shop', 'production.ini', 'shop', { stage: 'a&b', dir: '/srv' }],
] as const)
  test(`${text} is a file of PasteDeploy`, () => {
    const shown = text.replace(/\?.*(?=#)/, '')
    const value = { place, callable: name, factory: false, arguments: '', paste, text: shown }
    assert.deepEqual(parseAppName(text), { value })
  })

test('a directory or a file of Python may have # in its name', () => {
  for (const text of ['/srv/c#/app.py', 'app#1.py', 'app#1.py:app']) {
    const parsed = parseAppName(text)
    assert.ok('value' in parsed && parsed.value.paste === null, text)
  }
})

for (const [text, problem] of [
  ['production.ini#', /name of a section after #/],
  ['', /module:callable/],
  [':app', /before the colon/],
  ['shop:', /callable after the colon/],
  ['shop:()', /callable after the colon/],
  ['shop:1app', /Python name after the colon, and '1app' is none/],
  ['shop:a..b', /Python name/],
  ['shop:create_app', null],
  ['shop:create_app(1\n)', /on one line/],
  [`shop:create_app('${'x'.repeat(1000)}')`, /at most 1000 characters/],
  ['shop:create_app(', /Python name/],
] as const)
  test(`'${text}' is ${problem === null ? 'fine' : 'refused with the reason'}`, () => {
    const parsed = parseAppName(text)
    if (problem === null) assert.ok('value' in parsed)
    else assert.match('problem' in parsed ? parsed.problem : 'no problem', problem)
  })

test('any text is parsed or refused without an exception, and no part of it is lost', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '.', ':', '(', ')', '/', '1', ' ', '\n') }), text => {
      const parsed = parseAppName(text)
      if (!('value' in parsed)) return
      const { place, callable, factory, arguments: passed } = parsed.value
      const parts = place + (callable === null ? '' : `:${callable}`) + (factory ? `(${passed})` : '')
      // Blanks around the arguments mean nothing.
      if (passed === '') assert.equal(parts, text)
      else assert.equal(parts.replaceAll(' ', ''), text.replaceAll(' ', ''))
    }),
  )
})

test('an address in place of the application is refused with its flag', () => {
  for (const address of ['0.0.0.0:8000', ':8000', 'localhost:8000'])
    assert.deepEqual(parseAppName(address), {
      problem: `must name an application: an address is written -b ${address}`,
    })
})
