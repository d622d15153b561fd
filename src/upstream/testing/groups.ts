/** Groups of servers for tests: a test says only what it is about. */
import { OpenFiles } from '../../base/open-files.ts'
import type { Upstream, UpstreamServer } from '../../sites/upstream-model.ts'
import { GroupState, makeGroupMemory } from '../balance/member-state.ts'
import { UpstreamGroup } from '../group.ts'
import { ConnectionRoom } from '../room.ts'

export function serverOf(host: string, port: number, more: Partial<UpstreamServer> = {}): UpstreamServer {
  return {
    label: `${host}:${port}`,
    address: { kind: 'tcp', host, port },
    weight: 1,
    maxFails: 1,
    failTimeout: 10_000,
    maxConns: 0,
    slowStart: 0,
    isBackup: false,
    isDown: false,
    isDraining: false,
    ...more,
  }
}

/** Round robin, in memory of its own. */
export function groupOf(...servers: UpstreamServer[]): UpstreamGroup {
  const upstream: Upstream = {
    name: 'back',
    protocol: 'http',
    servers,
    balance: 'round-robin',
    hashKey: null,
    keepalive: 1,
    keepaliveTimeout: 1000,
    queue: null,
    ejection: null,
    sticky: null,
    queueTimeout: 0,
    healthCheck: null,
    isSingle: false,
    place: { file: 'jumak.toml', line: 1, column: 1 },
  }
  const state = new GroupState(makeGroupMemory(1, 16, false), 1, 0)
  return new UpstreamGroup(upstream, state, {
    room: new ConnectionRoom(new OpenFiles()),
    sticky: null,
    queue: null,
    ejection: null,
    warn: () => {},
  })
}
