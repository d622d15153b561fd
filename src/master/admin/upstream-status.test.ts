/** What `jumak upstream` says: the states of servers, how a group keeps clients, who waits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReportedServer, TrafficReport } from '../../control/messages.ts'
import { singleServer } from '../../sites/single-server.ts'
import type { Upstream, UpstreamServer } from '../../sites/upstream-model.ts'
import { upstreamLines } from '../output/upstream-lines.ts'
import { describeUpstreams, type UpstreamView } from './status.ts'

function view(servers: readonly UpstreamServer[], more: Partial<Upstream> = {}): UpstreamView {
  const upstream = { name: 'back', balance: 'round-robin', sticky: null, queue: null, ...more } as unknown as Upstream
  return { upstream, servers: servers.map(server => ({ server, isAdded: false, isRemoved: false })) }
}

function server(label: string, more: Partial<UpstreamServer> = {}): UpstreamServer {
  return { ...singleServer(label, { kind: 'tcp', host: label, port: 80 }), ...more }
}

function reported(label: string, more: Partial<ReportedServer> = {}): ReportedServer {
  return { label, running: 0, requests: 9, failures: 0, isOut: false, isEjected: false, isDraining: false, ...more }
}

function report(waiting: number, ...servers: ReportedServer[]): TrafficReport {
  return { upstreams: [{ name: 'back', waiting, servers }] } as unknown as TrafficReport
}

test('a server is out, ejected, down or drained', () => {
  const all = [server('a'), server('b'), server('c'), server('d', { isDown: true }), server('e', { isDraining: true })]
  const told = report(
    0,
    reported('a'),
    reported('b', { isOut: true, isEjected: true }),
    reported('c', { isEjected: true }),
  )
  const [group] = describeUpstreams([view(all)], told)
  assert.deepEqual(
    group!.servers.map(({ state }) => state),
    ['up', 'out', 'ejected', 'down', 'draining'],
  )
})

test('a group says by which cookie clients stay, and how many requests wait', () => {
  const more = {
    sticky: { cookie: 'srv', ttl: null, path: '/', domain: null, sameSite: 'Lax' },
    queue: { most: 100, timeout: 5000 },
  } as const
  const lines = (waiting: number, of: Partial<Upstream>) =>
    upstreamLines(describeUpstreams([view([server('a')], of)], report(waiting, reported('a'))))[0]
  assert.equal(lines(3, more), 'upstream back   round-robin   sticky by the cookie srv   3 wait')
  assert.equal(lines(1, { queue: more.queue }), 'upstream back   round-robin   1 waits')
  assert.equal(lines(0, {}), 'upstream back   round-robin')
  // Of a program that was started before it knew them.
  assert.deepEqual(upstreamLines([{ name: 'back', balance: 'random', servers: [] }]), ['upstream back   random'])
})
