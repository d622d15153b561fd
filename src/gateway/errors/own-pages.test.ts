import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorFormat } from '../../config/types.ts'
import { OwnPages } from './own-pages.ts'

function find(formats: readonly ErrorFormat[], accept: string | undefined): string | undefined {
  const pages = new OwnPages(formats.map(format => ({ status: 502, format, content: format })))
  return pages.find(502, accept)?.body.toString()
}

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

test('a client gets the page that it prefers, and ours where the operator has none that it takes', () => {
  const cases: readonly [readonly ErrorFormat[], string | undefined, string | undefined][] = [
    [['html'], BROWSER, 'html'],
    [['html'], undefined, 'html'],
    [['html'], '*/*', 'html'],
    [['html'], 'text/*', 'html'],
    [['html'], 'application/json', undefined],
    [['html'], 'text/plain', undefined],
    [['json'], BROWSER, undefined],
    [['json'], 'application/problem+json', 'json'],
    [['json'], 'application/*', 'json'],
    [['html', 'json'], BROWSER, 'html'],
    [['json', 'html'], BROWSER, 'html'],
    [['html', 'json'], 'application/json', 'json'],
    [['html', 'json'], 'text/html;q=0.5, application/json', 'json'],
    // The first that was given.
    [['json', 'html'], '*/*', 'json'],
    [['json', 'text'], 'text/*', 'text'],
  ]
  for (const [formats, accept, expected] of cases)
    assert.equal(find(formats, accept), expected, `${formats} for ${accept}`)
})

test('another status is ours, and pages are replaced as a whole', () => {
  const pages = new OwnPages([{ status: 502, format: 'html', content: 'a' }])
  assert.equal(pages.find(503, undefined), null)
  pages.replace([{ status: 503, format: 'html', content: 'b' }])
  assert.equal(pages.find(502, undefined), null)
  assert.ok(pages.has(503))
})
