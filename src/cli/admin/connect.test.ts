/** Which servers the client believes. A hostile one stands in for what another user may have put at the path. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Asked, ask } from './connect.ts'

/** `answer`: what the server says to everybody. */
async function serve(t: TestContext, answer: string): Promise<{ directory: string; path: string }> {
  const place = mkdtempSync(join(tmpdir(), 'jumak-test-'))
  t.after(() => rmSync(place, { recursive: true, force: true }))
  const directory = join(place, 'admin')
  mkdirSync(directory, { mode: 0o700 })
  const server = createServer(socket => socket.on('error', () => {}).end(answer))
  t.after(() => server.close())
  const path = join(directory, 'a.sock')
  await new Promise<void>(resolve => server.listen(path, resolve))
  return { directory, path }
}

function stop(path: string, isAuto: boolean): Promise<Asked> {
  return ask({ paths: [path], isAuto }, { question: { command: 'stop' }, onProgress: () => {} })
}

const STOPPING = '{"jumak":1,"ok":true,"command":"stop","message":"stopping"}\n'

test('a directory that another user can change is not believed, unless the operator named it', async t => {
  const { directory, path } = await serve(t, STOPPING)
  assert.ok('answer' in (await stop(path, true)))
  chmodSync(directory, 0o770)
  assert.match(JSON.stringify(await stop(path, true)), /other users may write to .*name the socket with --admin-socket/)
  assert.ok('answer' in (await stop(path, false)))
  chmodSync(directory, 0o700)
  symlinkSync(directory, `${directory}-link`)
  assert.match(JSON.stringify(await stop(join(`${directory}-link`, 'a.sock'), true)), /is no directory/)
  if (process.getuid?.() !== 0) return
  chownSync(directory, 65_534, 65_534)
  assert.match(JSON.stringify(await stop(path, true)), /belongs to another user/)
})

test('whatever a server says, the client ends with a sentence', async t => {
  for (const [answer, problem] of [
    ['', /closed the connection without an answer/],
    ['[]\n', /no object|version/],
    ['\u0000\n', /not JSON/],
    [`${'['.repeat(1_000_000)}\n`, /not JSON/],
    [`{"jumak":${'['.repeat(100_000)}${']'.repeat(100_000)}}\n`, /version a list of 1/],
    [`{"jumak":1,"ok":false,"error":"${'x'.repeat(100_000)}"}\n`, /should be text of/],
    ['{"jumak":1,"ok":true,"command":"__proto__","message":""}\n', /should be one of/],
    ['x'.repeat(17 * 1024 * 1024), /more than 16777216 bytes/],
  ] as const) {
    const { path } = await serve(t, answer)
    const asked = await stop(path, true)
    assert.ok('problem' in asked, JSON.stringify(asked))
    assert.match(asked.problem, problem)
  }
})
