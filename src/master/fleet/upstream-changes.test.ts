import assert from 'node:assert/strict'
import { test } from 'node:test'
import { singleServer } from '../../sites/single-server.ts'
import type { Upstream, UpstreamServer } from '../../sites/upstream-model.ts'
import { UpstreamChanges } from './upstream-changes.ts'

function server(label: string, more: Partial<UpstreamServer> = {}): UpstreamServer {
  return { label, isDown: false, isBackup: false, isDraining: false, weight: 1, ...more } as UpstreamServer
}

function group(name: string, ...servers: UpstreamServer[]): Upstream {
  return { name, servers, isSingle: false } as unknown as Upstream
}

function labels(upstreams: readonly Upstream[]): string[] {
  return upstreams.flatMap(({ servers }) =>
    servers.map(({ label, isDraining }) => `${label}${isDraining ? ' drains' : ''}`),
  )
}

const FILE = [group('back', server('a:1'), server('b:1'))]

test('servers are added, drained, removed and brought back', () => {
  const changes = new UpstreamChanges()
  const change = (action: 'add' | 'drain' | 'remove', label: string) =>
    changes.change(FILE, { action, upstream: 'back', label, server: server(label) })
  assert.equal(change('add', 'c:1'), null)
  assert.equal(change('drain', 'a:1'), null)
  assert.equal(change('remove', 'b:1'), null)
  assert.deepEqual(labels(changes.apply(FILE)), ['a:1 drains', 'c:1'])
  assert.deepEqual(
    changes.origins(FILE[0]!).map(one => [one.server.label, one.isAdded, one.isRemoved]),
    [
      ['a:1', false, false],
      ['b:1', false, true],
      ['c:1', true, false],
    ],
  )
  assert.match(change('remove', 'c:1')!, /would have no server/)
  assert.equal(change('add', 'a:1'), null)
  assert.equal(change('add', 'b:1'), null)
  assert.equal(change('remove', 'c:1'), null)
  assert.deepEqual(labels(changes.apply(FILE)), ['a:1', 'b:1'])
})

test('a mistake says what there is, and changes nothing', () => {
  const changes = new UpstreamChanges()
  const change = (upstream: string, label: string, action: 'add' | 'drain' = 'drain') =>
    changes.change(FILE, { action, upstream, label, server: server(label) })
  assert.match(change('bakc', 'a:1')!, /no upstream 'bakc'; did you mean back\?/)
  assert.match(change('back', 'x:9')!, /no server 'x:9'; .*a:1, b:1/)
  assert.match(change('back', 'a:1', 'add')!, /by the file: change its settings there/)
  assert.match(
    new UpstreamChanges().change([{ ...FILE[0]!, isSingle: true }], {
      action: 'drain',
      upstream: 'back',
      label: 'a:1',
    })!,
    /give it an \[\[upstream\]\]/,
  )
  assert.equal(changes.apply(FILE), FILE)
})

test('a new file is the base: what it has is its own, what it has no longer is forgotten', () => {
  const changes = new UpstreamChanges()
  changes.change(FILE, { action: 'add', upstream: 'back', label: 'c:1', server: server('c:1', { weight: 9 }) })
  changes.change(FILE, { action: 'drain', upstream: 'back', label: 'a:1' })
  const next = [group('back', server('b:1'), server('c:1', { weight: 2 }))]
  changes.configured(next)
  assert.deepEqual(labels(changes.apply(next)), ['b:1', 'c:1'])
  assert.equal(changes.apply(next)[0]!.servers[1]!.weight, 2)
  changes.configured([])
  changes.configured(FILE)
  assert.equal(changes.apply(FILE), FILE)
})

test('a new file that would leave no server ends the changes of the group', () => {
  const changes = new UpstreamChanges()
  assert.equal(changes.change(FILE, { action: 'remove', upstream: 'back', label: 'b:1' }), null)
  const file = [group('back', server('b:1'))]
  changes.configured(file)
  assert.deepEqual(labels(changes.apply(file)), ['b:1'])
})

test('a new program has the changes of the one before, without what it does not understand', () => {
  const before = new UpstreamChanges()
  const added = singleServer('c:1', { kind: 'tcp', host: 'c', port: 1 })
  for (const change of [
    { action: 'add', upstream: 'back', label: 'c:1', server: added },
    { action: 'drain', upstream: 'back', label: 'a:1' },
    { action: 'remove', upstream: 'back', label: 'b:1' },
  ] as const)
    assert.equal(before.change(FILE, change), null)
  assert.deepEqual(before.changed, ['back'])
  const handedOn = JSON.parse(JSON.stringify(before.handOn('back')))
  handedOn.added.push(
    { label: 'd:1', address: { kind: 'quic' } },
    { label: 'e:1' },
    { ...added, label: 'f:1', more: 1 },
  )
  const { weight: _, ...older } = added
  handedOn.added.push({ ...older, label: 'g:1' })
  const after = new UpstreamChanges()
  assert.deepEqual(after.inherit(handedOn), ['d:1', 'e:1'])
  after.configured(FILE)
  assert.deepEqual(labels(after.apply(FILE)), ['a:1 drains', 'c:1', 'f:1', 'g:1'])
})
