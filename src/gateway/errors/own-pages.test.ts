import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorFormat } from '../../config/types.ts'
import { HttpError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import { addFilter } from '../../http/filtered-response.ts'
import { withHeaders } from '../../http/response-filter.ts'
import { MemoryExchange } from '../../http/testing/memory-response.ts'
import { respondWithError } from './error-response.ts'
import { OwnPages } from './own-pages.ts'

function find(formats: readonly ErrorFormat[], accept: string | undefined): string | undefined {
  const pages = new OwnPages(formats.map(format => ({ status: 502, format, content: format })))
  return pages.find(502, accept)?.body.toString()
}

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

test('a client gets the page that it prefers, and our words when it accepts no page of the operator', () => {
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
    // All are equal: the first of the pages.
    [['json', 'html'], '*/*', 'json'],
    [['json', 'text'], 'text/*', 'text'],
  ]
  for (const [formats, accept, expected] of cases)
    assert.equal(find(formats, accept), expected, `${formats} for ${accept}`)
})

test('a status without a page keeps our words, and all pages are replaced at once', () => {
  const pages = new OwnPages([{ status: 502, format: 'html', content: 'a' }])
  assert.equal(pages.find(503, undefined), null)
  pages.replace([{ status: 503, format: 'html', content: 'b' }])
  assert.equal(pages.find(502, undefined), null)
  assert.ok(pages.has(503))
})

function answered(status: number, method: string, pages: OwnPages) {
  const exchange = new MemoryExchange(method, ['accept', 'text/html'])
  respondWithError(exchange as unknown as Exchange, new HttpError(status, 'Full', 'operator', 3), pages)
  const { content, headers } = exchange.client.outcome
  return { content, headers: Object.fromEntries(headers.flatMap((name, i) => (i % 2 ? [] : [[name, headers[i + 1]]]))) }
}

test('a page takes the place of our words; the fields of the error stay, and X-Request-ID names the request', () => {
  const pages = new OwnPages([{ status: 503, format: 'html', content: '<p>back soon \u2615' }])
  const length = String(Buffer.byteLength('<p>back soon \u2615'))
  const { content, headers } = answered(503, 'GET', pages)
  assert.equal(Buffer.from(content, 'latin1').toString(), '<p>back soon \u2615')
  assert.deepEqual(headers, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': length,
    'X-Request-ID': 'memory-1',
    'Cache-Control': 'no-store',
    'Retry-After': '3',
  })
  const head = answered(503, 'HEAD', pages)
  assert.deepEqual([head.content, head.headers['Content-Length']], ['', length], 'HEAD tells the length of the page')
  const ours = answered(502, 'GET', pages)
  assert.match(ours.content, /502.*Full\. Request memory-1/s)
  assert.equal(ours.headers['X-Request-ID'], undefined)
})

test('HUP replaces pages between a head and its content: the response keeps the page of its head', () => {
  const pages = new OwnPages([{ status: 503, format: 'html', content: 'before' }])
  const exchange = new MemoryExchange()
  addFilter(exchange, pages.filter)
  exchange.response.start({ status: 503, reason: '', headers: ['Content-Length', '4'] })
  pages.replace([])
  exchange.response.write(Buffer.from('ours'))
  exchange.response.end()
  const { client } = exchange
  assert.deepEqual([client.outcome.content, client.outcome.isComplete], ['before', true])
})

test('a page goes through the filters that the response had already, and a status without a page does, too', () => {
  const pages = new OwnPages([{ status: 503, format: 'html', content: 'page' }])
  for (const [status, start] of [
    [503, /^PAGE$/],
    [502, /^<!DOCTYPE HTML>/],
  ] as const) {
    const exchange = new MemoryExchange('GET', ['accept', 'text/html'])
    addFilter(exchange, head => ({
      head: withHeaders(head, [...head.headers, 'X-Upper', '1']),
      content: out => ({
        data: chunk => void out.write(Buffer.from(chunk.toString().toUpperCase())),
        end: () => out.end(),
        onDrain() {},
        close() {},
      }),
    }))
    respondWithError(exchange as unknown as Exchange, new HttpError(status, 'Full', 'operator'), pages)
    const { content, headers, isComplete } = exchange.client.outcome
    assert.match(content, start)
    assert.deepEqual([headers.slice(-2), isComplete], [['X-Upper', '1'], true])
  }
})
