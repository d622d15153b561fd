/**
 * Whether what `jumak adapt` makes of a command line answers as the command line itself: both are started in the same place, with the same
 * application and variables, and asked the same. Compared are status, headers, what the application is told, and what it sees of its process.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Answer, type Ask, ask } from '../differential/pair.ts'
import { runJumak } from '../support/run.ts'
import type { Prepared } from './stand-ins.ts'
import type { Started, Starter } from './start.ts'

const ASKS: readonly Ask[] = [
  { path: '/a%20b/%C3%BC/x?q=1&r=%20' },
  { path: '//two//slashes/../up' },
  { method: 'POST', content: 'some content', headers: { 'Content-Length': '12', 'Content-Type': 'text/x' } },
  { method: 'PUT', content: 'in pieces', headers: { 'Transfer-Encoding': 'chunked' } },
  { method: 'HEAD', path: '/nothing' },
  { headers: { 'X-Forwarded-For': '203.0.113.7', 'X-Forwarded-Proto': 'https' } },
  { headers: { 'X-Forwarded-Ssl': 'on', 'X-Forwarded-Host': 'other.test', 'X-Forwarded-Prefix': '/p' } },
  { headers: { 'X-Twice': ['1', '2'], 'X-Under_Score': '1', Cookie: 'a=1; b=2' } },
  { path: `/${'x'.repeat(5000)}` },
]

/** Null: both answer alike. `starter` has started nothing yet. */
export async function whyOtherwise(starter: Starter, program: string, prepared: Prepared): Promise<string | null> {
  const { words, directory, env } = prepared
  const original = await answersOf(await starter([program, ...words], prepared))
  const adapted = await runJumak(['adapt', program, ...words], directory, { ...env, JUMAK_ADMIN_SOCKET: '' })
  if (adapted.code !== 0) return `jumak adapt: ${adapted.stderr.split('\n')[0]}`
  writeFileSync(join(directory, 'jumak.toml'), adapted.stdout)
  const after = await answersOf(await starter([], prepared))
  return difference(original, after)
}

async function answersOf(started: Started | string): Promise<readonly unknown[] | string> {
  if (typeof started === 'string') return started
  try {
    const answers: unknown[] = []
    for (const one of ASKS) answers.push(comparable(await ask(started.place, one)))
    return answers
  } finally {
    await started.stop()
  }
}

/** Without ports and what differs for each request. */
function comparable({ status, headers, content }: Answer): unknown {
  const kept = headers.filter(line => !/^(?:date|content-length|x-request-id): /.test(line))
  if (!content.startsWith('{"request"'))
    return { status, headers: kept, content: content.replaceAll(/[\da-f]{16,}/g, 'ID') }
  const { request, content: echoed, process } = JSON.parse(content)
  for (const name of ['HTTP_X_REQUEST_ID', 'SERVER_PORT', 'REMOTE_PORT', 'jumak.master_pid']) delete request[name]
  if (Array.isArray(request.client)) request.client.length = 1
  if (Array.isArray(request.server)) request.server.length = 1
  if (Array.isArray(request.headers))
    request.headers = request.headers.filter(([name]: [string]) => name !== 'x-request-id')
  return { status, headers: kept, request, echoed, process }
}

function difference(original: readonly unknown[] | string, after: readonly unknown[] | string): string | null {
  if (typeof original === 'string') return `the original: ${original}`
  if (typeof after === 'string') return `the adapted: ${after}`
  for (const [i, one] of original.entries()) {
    const where = whereDifferent(one, after[i], `${ASKS[i]!.method ?? 'GET'} ${ASKS[i]!.path ?? '/'}`.slice(0, 40))
    if (where !== null) return where
  }
  return null
}

/** The first place at which two values differ, and both. */
function whereDifferent(one: unknown, other: unknown, path: string): string | null {
  if (isDeepStrictEqual(one, other)) return null
  const isTable = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
  if (!isTable(one) || !isTable(other)) return `${path}: ${JSON.stringify(one)} became ${JSON.stringify(other)}`
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const found = whereDifferent(one[key], other[key], `${path} ${key}`)
    if (found !== null) return found
  }
  return null
}
