/** More requests than the slots can serve, with a view that waits 20 ms, so that slots set the capacity and not the machine. */
import { setTimeout as sleep } from 'node:timers/promises'
import { RawClient } from '../../support/raw-client.ts'
import type { Target } from '../../support/target.ts'
import { percentile } from '../load.ts'
import { OpenLoad } from '../open-load.ts'
import type { Report, Scenario } from '../scenario.ts'
import { type Interface, onStage, type Stage } from '../stage.ts'

const VIEW_MS = 20
const QUEUE_LIMIT = 50
const QUEUE_TIMEOUT_S = 2
/** Workers × threads, or × concurrency. */
const SLOTS = 4
const FACTORS = [1, 2, 5, 10]
const SECONDS = 4
const MAY_FALL_BY = 0.1
/** What "at once" is on a machine that serves the load as well. The queue takes a quarter of a second. */
const AT_ONCE_MS = 250

const INTERFACES: readonly Interface[] = ['wsgi', 'asgi']

export const OVERLOAD: readonly Scenario[] = INTERFACES.map(kind => ({
  name: `overload-${kind}`,
  fault: `2, 5 and 10 times what the slots serve (${kind.toUpperCase()})`,
  run: (report: Report) => {
    const args = ['--queue-limit', `${QUEUE_LIMIT}`, '--queue-timeout', `${QUEUE_TIMEOUT_S}`]
    if (kind === 'asgi') args.push('--concurrency', '2')
    return onStage(report, { interface: kind, args, hasLoad: false }, overload)
  },
}))

async function overload(stage: Stage): Promise<void> {
  const { report, server } = stage
  const capacity = SLOTS * (1000 / VIEW_MS)
  const goodputs: number[] = []
  let overloads = 0
  for (const factor of FACTORS) {
    report.progress(`${factor} times the capacity`)
    const load = new OpenLoad(server.target, VIEW_MS)
    const gone = factor === 5 ? leaveWhileQueued(server.target) : null
    goodputs.push(await load.run(capacity * factor, SECONDS))
    await gone
    report.add(load)
    if (factor > 1 && load.counts.refused > 0) overloads++
    judge(load, factor, goodputs.at(-1)!, report)
  }
  const best = Math.max(...goodputs)
  for (const [index, goodput] of goodputs.entries())
    report.expect(
      FACTORS[index] === 1 || goodput >= best * (1 - MAY_FALL_BY),
      `goodput at ${FACTORS[index]} times the capacity is ${goodput.toFixed(0)}/s, and the best is ${best.toFixed(0)}/s`,
    )
  report.injectedAs(overloads, FACTORS.length - 1, 'loads with refused requests')
  report.expect(stage.logged(/ran gone/) === 0, 'a request whose client had gone while it waited reached a worker')
}

function judge(load: OpenLoad, factor: number, goodput: number, report: Report): void {
  const slowest = Math.max(...load.answerTimes)
  const refusal = percentile(load.refusalTimes, 0.99)
  report.expect(
    slowest <= QUEUE_TIMEOUT_S * 1000 + VIEW_MS + AT_ONCE_MS,
    `at ${factor} times the capacity an answer took ${slowest.toFixed(0)} ms, with --queue-timeout ${QUEUE_TIMEOUT_S}`,
  )
  report.expect(
    !(refusal > AT_ONCE_MS),
    `at ${factor} times the capacity the p99 of refusals is ${refusal.toFixed(0)} ms`,
  )
  const refusals = load.refusalTimes.length === 0 ? '' : `; refusals p99 ${refusal.toFixed(1)} ms`
  report.note(
    `${factor}×: goodput ${goodput.toFixed(0)}/s, answers p50 ${percentile(load.answerTimes, 0.5).toFixed(0)} ms` +
      ` p99 ${percentile(load.answerTimes, 0.99).toFixed(0)} ms${refusals}`,
  )
}

/** In the second second, when the queue is full or nearly so. */
async function leaveWhileQueued(target: Target): Promise<void> {
  // wait: the load goes by the clock
  await sleep(1500)
  const clients = Array.from({ length: 20 }, () => new RawClient(target).get('/print/gone'))
  // wait: clients that lose their patience are what this is about
  await sleep(20)
  for (const client of clients) client.close()
}
