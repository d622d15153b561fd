/**
 * Upstreams as lines of text, for `jumak upstream` and `jumak status`. Runs in the master and in the command line. Pure.
 *
 *     upstream back   round-robin   sticky by the cookie srv   3 wait
 *       10.0.0.1:8000   up         weight 3   2 running   1,204 requests
 *       10.0.0.2:8000   draining   1 running   900 requests   added by jumak upstream
 */
import type { ServerStatus, UpstreamStatus } from '../../control/admin-messages.ts'
import { countOf, describeCount } from './describe.ts'

const GAP = '   '

export function upstreamLines(upstreams: readonly UpstreamStatus[]): string[] {
  return upstreams.flatMap(({ name, balance, sticky, queue, servers }) => {
    const [width, states] = [
      Math.max(...servers.map(({ server }) => server.length)),
      Math.max(...servers.map(({ state }) => state.length)),
    ]
    const line = (one: ServerStatus) =>
      [`  ${one.server.padEnd(width)}`, one.state.padEnd(states), ...words(one)].join(GAP).trimEnd()
    const head = [
      `upstream ${name}`,
      balance,
      ...(sticky ? [`sticky by the cookie ${sticky}`] : []),
      ...(queue ? [queue.waiting === 1 ? '1 waits' : `${describeCount(queue.waiting)} wait`] : []),
    ]
    return [head.join(GAP), ...servers.map(line)]
  })
}

function words({ weight, isBackup, isAdded, state, traffic }: ServerStatus): string[] {
  return [
    ...(weight === 1 ? [] : [`weight ${weight}`]),
    ...(isBackup ? ['backup'] : []),
    ...(traffic === null
      ? []
      : [
          `${describeCount(traffic.running)} running`,
          countOf(traffic.requests, 'request'),
          ...(traffic.failures === 0 ? [] : [countOf(traffic.failures, 'failure')]),
        ]),
    ...(isAdded ? ['added by jumak upstream'] : []),
    ...(state === 'removed' ? ['by jumak upstream; the file has it'] : []),
  ]
}
