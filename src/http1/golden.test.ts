/**
 * Runs the cases of test/golden/http1/*.md. Each is a heading, an `http` block with the bytes, and a `calls` block with the parser's calls.
 * Lines of an `http` block end in CRLF; `\r`, `\n`, `\0`, `\xNN` stand for bytes, and `\` before a line end for none. The bytes are fed
 * whole, and one by one.
 * UPDATE_GOLDEN=1 writes the `calls` blocks anew: read the difference before you believe it.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { contentTooLarge, ProtocolError } from '../http/errors.ts'
import { RequestParser } from './parser.ts'

const FOLDER = join(import.meta.dirname, '../../test/golden/http1')
const CASE = /^## (.+)\n\n```http\n([\s\S]*?)```\n\n```calls\n([\s\S]*?)```$/gm
const LIMITS = { requestLine: 8192, headerBytes: 65_536, headerCount: 100 }
/** The limit that a handler gives: the parser has none of its own. */
const BODY_LIMIT = 1_000_000

function bytesOf(block: string): Buffer {
  const lines = block.replace(/\\\n/g, '').replace(/\n/g, '\r\n')
  const text = lines.replace(/\\(?:x([0-9a-f]{2})|([rn0]))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? { r: '\r', n: '\n', 0: '\0' }[letter]! : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(text, 'latin1')
}

function callsOf(pieces: readonly Buffer[]): string {
  const calls: string[] = []
  let body: string | null = null
  const flush = () => {
    if (body !== null) calls.push(`body ${JSON.stringify(body)}`)
    body = null
  }
  const parser: RequestParser = new RequestParser(LIMITS, 'http', {
    onHead: head => {
      calls.push(
        `head ${head.method} ${head.target} ${head.version}${head.keepAlive ? '' : ' close'}${head.expectsContinue ? ' expects 100' : ''}`,
      )
      calls.push(
        `  path ${head.path}${head.query && ` query ${head.query}`}${head.authority && ` authority ${head.authority}`}`,
      )
      for (let i = 0; i < head.headers.length; i += 2) calls.push(`  ${head.headers[i]}: ${head.headers[i + 1]}`)
      if (head.contentLength !== 0) calls.push(`  content ${head.contentLength ?? 'chunked'}`)
      if ((head.contentLength ?? 0) > BODY_LIMIT) throw contentTooLarge(BODY_LIMIT)
      parser.limitContent(BODY_LIMIT)
    },
    onBody: chunk => (body = (body ?? '') + chunk.toString('latin1')),
    onEnd: trailers => {
      flush()
      calls.push(trailers.length === 0 ? 'end' : `end ${JSON.stringify(trailers)}`)
    },
  })
  try {
    for (const piece of pieces) {
      parser.receive(piece)
      for (let count = -1; count !== calls.length; parser.next()) count = calls.length
    }
    flush()
    if (parser.inRequest) calls.push('incomplete')
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    flush()
    calls.push(`error ${error.status} ${error.message}`)
  }
  return calls.map(line => `${line}\n`).join('')
}

for (const file of readdirSync(FOLDER)
  .filter(name => name.endsWith('.md'))
  .sort()) {
  const path = join(FOLDER, file)
  const text = readFileSync(path, 'utf8')
  if (process.env['UPDATE_GOLDEN'] === '1') {
    const updated = text.replace(
      CASE,
      (_, heading: string, http: string) =>
        `## ${heading}\n\n\`\`\`http\n${http}\`\`\`\n\n\`\`\`calls\n${callsOf([bytesOf(http)])}\`\`\``,
    )
    writeFileSync(path, updated)
  }
  describe(file, () => {
    const cases = [...readFileSync(path, 'utf8').matchAll(CASE)]
    test('every heading is a case', () => assert.equal(cases.length, text.match(/^## /gm)?.length))
    for (const [, heading, http, calls] of cases) {
      test(heading!, () => {
        const bytes = bytesOf(http!)
        assert.equal(callsOf([bytes]), calls)
        assert.equal(callsOf([...bytes].map(byte => Buffer.from([byte]))), calls, 'byte by byte')
      })
    }
  })
}
