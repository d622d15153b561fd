/** A master that stops, as the service manager hears of it: `WATCHDOG=1` comes in time under load, and stops with the master. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { NotifySocket } from '../../support/notify-socket.ts'
import type { Report, Scenario } from '../scenario.ts'
import { onStage, type Stage } from '../stage.ts'

const WATCHDOG_MS = 2000
/** Under load, before anything is stopped. */
const SIGNS = 12
const TIMES = 2
/** What was on its way when the master stopped has arrived. */
const ARRIVED_MS = 1000

export const SERVICE_MANAGER: readonly Scenario[] = [
  { name: 'watchdog', fault: 'the master stops; the service manager is to hear of it', run: underManager },
]

async function underManager(report: Report): Promise<void> {
  const address = `@jumak-chaos-${randomUUID()}`
  const manager = await NotifySocket.bind(address)
  try {
    const env = { NOTIFY_SOCKET: address, WATCHDOG_USEC: String(WATCHDOG_MS * 1000) }
    await onStage(report, { interface: 'wsgi', env }, stage => watch(stage, manager))
  } finally {
    await manager.close()
  }
}

async function watch(stage: Stage, manager: NotifySocket): Promise<void> {
  const { server, report } = stage
  await manager.waitFor('READY=1')
  await receiveSigns(manager, 1)
  const first = manager.received.length - 1
  await receiveSigns(manager, SIGNS / 2)
  const from = manager.received.length
  server.signal('SIGHUP')
  await manager.waitFor('RELOADING=1', from)
  await manager.waitFor('READY=1', from)
  await receiveSigns(manager, SIGNS / 2)
  const times = manager.received
    .slice(first)
    .filter(isSign)
    .map(({ seconds }) => seconds * 1000)
  const longest = Math.max(...times.slice(1).map((time, i) => time - times[i]!))
  report.note(`WATCHDOG=1 after ${Math.round(longest)} ms at most; WatchdogSec is ${WATCHDOG_MS} ms`)
  if (report.judgesTimes) report.expect(longest < WATCHDOG_MS, `no WATCHDOG=1 in ${Math.round(longest)} ms`)
  let silences = 0
  for (let i = 1; i <= TIMES; i++) {
    report.progress(`master ${i} of ${TIMES}`)
    if (await isSilentWhileStopped(stage, manager)) silences++
    await receiveSigns(manager, 1)
  }
  report.injectedAs(silences, TIMES, 'times without WATCHDOG=1')
}

/** The master only: what it has started serves on. */
async function isSilentWhileStopped(stage: Stage, manager: NotifySocket): Promise<boolean> {
  process.kill(stage.server.pid, 'SIGSTOP')
  try {
    // wait: nobody can tell what is still on its way from a process that is stopped
    await sleep(ARRIVED_MS)
    const from = manager.received.length
    // wait: a silence of this length is what makes a service manager act
    await Promise.all([sleep(WATCHDOG_MS), stage.untilServing()])
    return manager.received.length === from
  } finally {
    process.kill(stage.server.pid, 'SIGCONT')
  }
}

const isSign = ({ lines }: { readonly lines: readonly string[] }) => lines.includes('WATCHDOG=1')

/** So many from now on. */
async function receiveSigns(manager: NotifySocket, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await manager.waitFor('WATCHDOG=1', manager.received.length)
}
