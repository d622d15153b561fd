/** The largest head that the settings allow fits into a frame to a worker, however much it grows on its way there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_INLINE_BODY } from '../apps/pool/body.ts'
import { FakeExchange } from '../apps/testing/fake-exchange.ts'
import { writeEnviron } from '../apps/wire/environ.ts'
import { FrameWriter } from '../apps/wire/frame-writer.ts'
import { MAX_PAYLOAD } from '../apps/wire/frames.ts'
import { ScopeWriter } from '../apps/wire/scope.ts'
import { MAX_FIELDS, MAX_HEADERS, MAX_REQUEST_LINE } from '../config/settings/requests.ts'
import { applicationRoot } from '../http/application-root.ts'
import type { Exchange } from '../http/exchange.ts'
import { applyForwarded } from '../http/forwarded.ts'
import type { ParsedHead } from '../http1/head.ts'
import { RequestParser } from '../http1/parser.ts'

const LIMITS = { requestLine: MAX_REQUEST_LINE, headerBytes: MAX_HEADERS, headerCount: MAX_FIELDS }
const BELIEVED = new Set(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-prefix'])

const TARGETS = {
  'a path of raw bytes': { lead: '/', byte: '\xff' },
  'a query of raw bytes': { lead: '/?', byte: '\xff' },
  'a long host': { lead: 'http://', byte: 'a' },
}
const HEADERS: Record<string, (room: number) => string> = {
  'a long value': room => line('x', room),
  'raw bytes': room => line('x', room, '\xff'),
  'a long name': room => `${'x'.repeat(room - 3)}:\r\n`,
  'a host that a proxy names': room => line('x-forwarded-host', room),
  'as many as there may be': room => 'a:\r\n'.repeat(Math.min(MAX_FIELDS - 1, Math.floor(room / 4))),
  'names of their own': room => {
    let lines = ''
    for (let i = 0; i < MAX_FIELDS - 1 && lines.length < room - 10; i++) lines += `${i.toString(36)}:\r\n`
    return lines
  },
}

function line(name: string, room: number, byte = 'a', lead = ''): string {
  return `${name}:${lead}${byte.repeat(room - name.length - 3 - lead.length)}\r\n`
}

for (const [title, { lead, byte }] of Object.entries(TARGETS))
  for (const [what, make] of Object.entries(HEADERS))
    test(`${title}, ${what}`, () => {
      const target = lead + byte.repeat(MAX_REQUEST_LINE - 'GET  HTTP/1.1'.length - lead.length)
      const bytes = `GET ${target} HTTP/1.1\r\n${make(MAX_HEADERS - 'Host:a\r\n'.length)}Host:a\r\n\r\n`
      const heads: ParsedHead[] = []
      const parser = new RequestParser(LIMITS, 'http', { onHead: head => heads.push(head), onBody() {}, onEnd() {} })
      parser.receive(Buffer.from(bytes, 'latin1'))
      const exchange: Exchange = new FakeExchange(heads[0]!)
      assert.equal(applyForwarded(exchange, { isTrusted: () => true } as never, BELIEVED), null)
      const writers = [
        (to: FrameWriter) => writeEnviron(to, exchange, 0, applicationRoot('', '')),
        (to: FrameWriter) => new ScopeWriter(applicationRoot('', '')).write(to, exchange),
      ]
      for (const write of writers) {
        const frame = new FrameWriter()
        frame.start()
        write(frame)
        assert.ok(frame.position + MAX_INLINE_BODY + 1024 <= MAX_PAYLOAD, `${frame.position} bytes`)
      }
    })
