import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importsOf, violations } from './layers.ts'

function broken(path: string, text: string): string[] {
  return violations([{ path, text }])
}

test('imports are found in every form, with their line, and not in comments', () => {
  const text = [
    "import { a } from './a.ts'",
    '/* import x from "./comment.ts" */',
    "// import y from './comment.ts'",
    'import {',
    '  b,',
    "} from './b.ts'",
    "import type { C } from './c.ts'",
    "export * from './d.ts'",
    "import './e.ts'",
    "const f = await import('./f.ts')",
    "const text = 'from nowhere'",
  ].join('\n')
  assert.deepEqual(
    importsOf(text).map(({ specifier, line, typeOnly }) => [specifier, line, typeOnly]),
    [
      ['./a.ts', 1, false],
      ['./b.ts', 4, false],
      ['./c.ts', 7, true],
      ['./d.ts', 8, false],
      ['./e.ts', 9, false],
      ['./f.ts', 10, false],
    ],
  )
})

for (const [from, to] of [
  ['src/http1/parser.ts', '../http/headers.ts'],
  ['src/http1/parser.ts', './framing.ts'],
  ['src/apps/wire/decode.ts', '../../base/checks.ts'],
  ['src/apps/worker/connection.ts', '../wire/violation.ts'],
  ['src/apps/wsgi/link.ts', '../pool/worker.ts'],
  ['src/apps/asgi/link.ts', '../worker/connection.ts'],
  ['src/apps/links.ts', './wsgi/link.ts'],
  ['src/handlers/app.ts', '../apps/pool/pool.ts'],
  ['src/handlers/static/handler.ts', './files.ts'],
  ['src/gateway/main.ts', '../handlers/app.ts'],
  ['src/gateway/main.ts', '../websocket/engine.ts'],
  ['src/control/messages.ts', '../config/types.ts'],
  ['src/cli/main.ts', '../master/main.ts'],
  ['src/base/spool.ts', '../observe/log.ts'],
] as const) {
  test(`${from} may import ${to}`, () => assert.deepEqual(broken(from, `import { x } from '${to}'`), []))
}

for (const [from, to] of [
  ['src/base/spool.ts', '../http/headers.ts'],
  ['src/http/exchange.ts', '../http1/parser.ts'],
  ['src/http1/parser.ts', '../apps/pool/pool.ts'],
  ['src/http1/connection.ts', '../websocket/engine.ts'],
  ['src/websocket/connection.ts', '../http1/connection.ts'],
  ['src/apps/pool/pool.ts', '../../gateway/main.ts'],
  ['src/apps/pool/worker.ts', '../wsgi/link.ts'],
  ['src/apps/pool/worker.ts', '../links.ts'],
  ['src/apps/pool/dispatcher.ts', '../wire/frame-writer.ts'],
  ['src/apps/wsgi/link.ts', '../asgi/link.ts'],
  ['src/apps/asgi/sink.ts', '../wsgi/sink.ts'],
  ['src/apps/wire/scope.ts', '../worker/connection.ts'],
  ['src/apps/worker/connection.ts', '../pool/worker.ts'],
  ['src/apps/newcomer/main.ts', '../pool/pool.ts'],
  ['src/handlers/app.ts', './static/handler.ts'],
  ['src/handlers/app.ts', '../middleware/health.ts'],
  ['src/middleware/access-log.ts', './health.ts'],
  ['src/master/main.ts', '../gateway/main.ts'],
  ['src/gateway/main.ts', '../master/main.ts'],
  ['src/gateway/main.ts', '../config/load.ts'],
  ['src/control/messages.ts', '../config/load.ts'],
  ['src/control/messages.ts', '../config/settings/index.ts'],
  ['src/cli/main.ts', '../gateway/main.ts'],
  ['src/http/date.ts', '../observe/access-format.ts'],
  ['src/newcomer/main.ts', '../base/spool.ts'],
  ['src/base/spool.ts', '../../test/support/paths.ts'],
] as const) {
  test(`${from} may not import ${to}, not even its types`, () => {
    assert.equal(broken(from, `import type { X } from '${to}'`).length, 1)
  })
}

test('the rooms of the master import downwards, and master.ts imports all of them', () => {
  assert.deepEqual(broken('src/master/fleet/fleet.ts', "import { Narrator } from '../output/narrator.ts'"), [])
  assert.deepEqual(broken('src/master/host/python.ts', "import { OperatorError } from '../errors.ts'"), [])
  assert.deepEqual(broken('src/master/master.ts', "import { Fleet } from './fleet/fleet.ts'"), [])
  for (const [from, to] of [
    ['src/master/output/narrator.ts', '../fleet/generation.ts'],
    ['src/master/host/python.ts', '../output/describe.ts'],
    ['src/master/fleet/fleet.ts', '../main.ts'],
  ] as const)
    assert.equal(broken(from, `import type { X } from '${to}'`).length, 1)
})

test('sockets are the business of the gateway, of the links and of the master', () => {
  const text = "import { connect } from 'node:net'"
  for (const path of [
    'src/gateway/transports/plain.ts',
    'src/master/host/listeners.ts',
    'src/apps/worker/connection.ts',
  ])
    assert.deepEqual(broken(path, text), [])
  for (const path of ['src/http1/connection.ts', 'src/apps/wsgi/link.ts', 'src/handlers/app.ts', 'src/cli/main.ts'])
    assert.deepEqual(broken(path, text), [`${path}:1: may not import node:net`])
  assert.deepEqual(broken('src/apps/wsgi/body-sender.ts', "import type { Socket } from 'node:net'"), [])
})

test('tls takes the types of what the master tells about TLS, and nothing that runs', () => {
  assert.deepEqual(broken('src/tls/names.ts', "import type { GatewayTls } from '../control/tls-messages.ts'"), [])
  assert.equal(broken('src/tls/names.ts', "import { gatewayTls } from '../control/tls-messages.ts'").length, 1)
  assert.equal(broken('src/tls/names.ts', "import type { GatewayStart } from '../control/messages.ts'").length, 1)
})

test('packages: ws in one file, others nowhere', () => {
  assert.deepEqual(broken('src/websocket/ws.ts', "import * as ws from 'ws'"), [])
  assert.equal(broken('src/websocket/input.ts', "import * as ws from 'ws'").length, 1)
  assert.equal(broken('src/cli/main.ts', "import left from 'left-pad'").length, 1)
})

test('tests may bring any two parts together', () => {
  const text = "import { x } from '../gateway/main.ts'"
  assert.deepEqual(broken('src/base/spool.test.ts', text), [])
  assert.deepEqual(broken('src/apps/testing/fake-worker.ts', text), [])
  assert.equal(broken('src/apps/pool/pool.ts', "import { x } from '../testing/fake-worker.ts'").length, 1)
})

test('nobody connects to other servers, whatever the protocol', () => {
  for (const one of ['node:https', 'node:http2', 'node:tls', 'node:dgram'])
    assert.deepEqual(broken('src/handlers/app.ts', `import { connect } from '${one}'`), [
      `src/handlers/app.ts:1: may not import ${one}`,
    ])
})

test('what several threads of the gateway need is not loaded with one', () => {
  assert.deepEqual(broken('src/gateway/main.ts', "const { Group } = await import('./threads/group.ts')"), [])
  assert.deepEqual(broken('src/gateway/parts.ts', "import type { Cells } from '../shared/cells.ts'"), [])
  assert.deepEqual(broken('src/gateway/threads/thread.ts', "import { Cells } from '../../shared/cells.ts'"), [])
  for (const path of ['./threads/group.ts', '../shared/cells.ts', '../apps/threads/slots.ts'])
    assert.match(
      broken('src/gateway/main.ts', `import { x } from '${path}'`)[0] ?? '',
      /which a gateway with one thread must not/,
    )
})
