/** HTTP/2 with clients of others: Python's h2 and httpx, nghttp. What may happen to streams that are open in both directions (ASGI). */
import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../../scripts/lib/command.ts'
import { localAuthority, localCertificate } from '../../support/certificates.ts'
import { ensureEnvironment, whyNoPython } from '../../support/environments/environments.ts'
import { APPS, ROOT } from '../../support/paths.ts'
import { startServer } from '../../support/server.ts'

const skip = await whyNoPython()
const start = () =>
  startServer({ app: 'asgi_streams', directory: APPS, tls: localCertificate(), args: ['-w', '1', '--access-log', '-'] })

test('Python’s h2: both directions at once, trailers, a WebSocket, RST_STREAM from either side', { skip }, async () => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'http2' })
  const server = await start()
  server.expectLog(/worker 1 .*was killed by SIGKILL/, /GET \/listen was on worker 1 when its link broke/)
  server.expectLog(/POST \/kill was on worker 1 when its link broke/)
  const script = join(ROOT, 'test/support/h2_client.py')
  const { code, output } = await run(python, [script, String(server.programPort), localAuthority().file])
  assert.equal(code, 0, output)
  assert.deepEqual(JSON.parse(output), {
    trailers: [['x-sum', '11']],
    socket: '200',
    frames: `8106${Buffer.from('2 soup').toString('hex')}880203e9`,
    // INTERNAL_ERROR.
    cut: 2,
    data: 'listening',
    after: '2',
  })
  await server.waitForLog(/the socket has gone: 1001$/)
  await server.waitForLog(/the client has gone: http\.disconnect$/)
  await server.stop()
})

const HTTPX = `
import json, ssl, sys
import httpx

port, authority = sys.argv[1:]
def parts():
    for _ in range(100):
        yield b"x" * 10000
with httpx.Client(http2=True, verify=ssl.create_default_context(cafile=authority), base_url=f"https://127.0.0.1:{port}") as client:
    answers = [client.get("/"), client.post("/echo", content=parts()), client.post("/echo", content=b"soup")]
print(json.dumps([[one.http_version, one.status_code, len(one.content)] for one in answers]))
`

test('httpx, nghttp', { skip: skip || (!existsSync('/usr/bin/nghttp') && 'nghttp is not installed') }, async () => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'http2' })
  const server = await start()
  const httpx = await run(python, ['-c', HTTPX, String(server.programPort), localAuthority().file])
  assert.equal(httpx.code, 0, httpx.output)
  const each = [1, 1_000_000, 4].map(length => ['HTTP/2', 200, length])
  assert.deepEqual(JSON.parse(httpx.output), each)
  const trailers = ['-H', 'te: trailers', '--trailer', 'x-sent: 1']
  const options = ['-nv', '--no-verify-peer', '--expect-continue', ...trailers, '-d', join(ROOT, 'LICENSE')]
  const { output } = await run('nghttp', [...options, `https://127.0.0.1:${server.programPort}/echo`])
  const got = [...output.matchAll(/recv \(stream_id=\d+\) (:status|x-sum): (\d+)/g)].map(([, ...pair]) => pair)
  const { size } = statSync(join(ROOT, 'LICENSE'))
  assert.deepEqual(got, [
    [':status', '100'],
    [':status', '200'],
    ['x-sum', String(size)],
  ])
  await server.stop()
})
