/**
 * What the gateway reports about a worker, turned into its phase, its faults and the log. Part of the fleet; runs in the master.
 *
 * Invariant: a report that comes late, after the worker has left the phase that it is about, changes nothing.
 */
import type { Recycle } from '../../config/types.ts'
import type { GatewayToMaster } from '../../control/messages.ts'
import type { AppNarrator } from '../output/app-narrator.ts'
import { describeRequests } from './recycling.ts'
import type { WorkerHandle } from './worker-handle.ts'
import { HAS_LINKS } from './worker-phases.ts'

export type GatewayReport = Extract<GatewayToMaster, { readonly worker: number }>

export interface ReportReaders {
  readonly narrator: AppNarrator
  /** The rules of the present configuration. */
  readonly recycle: () => Recycle
  /** The warm-up has failed. */
  readonly onCold: (worker: WorkerHandle, note: string) => void
}

export function takeReport(worker: WorkerHandle, report: GatewayReport, readers: ReportReaders): void {
  const { narrator, recycle, onCold } = readers
  const hasLinks = HAS_LINKS.has(worker.phase)
  switch (report.type) {
    case 'worker-linked':
      if (worker.phase === 'linking' || worker.phase === 'warming') worker.enter('linked')
      break
    case 'worker-warming':
      if (worker.phase === 'linking') worker.enter('warming')
      break
    case 'worker-cold':
      if (worker.phase === 'warming') onCold(worker, report.note)
      break
    case 'worker-drained':
      if (worker.phase === 'draining') worker.enter('drained')
      break
    case 'worker-lost':
      worker.lostReason = report.reason
      if (hasLinks) worker.blame('lost')
      else if (worker.phase === 'draining') worker.enter('drained')
      break
    case 'worker-blocked':
      narrator.workerBlocked(worker, report.note)
      worker.stacks.ask({ thread: '', request: '' })
      break
    case 'worker-stuck':
      narrator.workerStuck(worker, report.note, report.request)
      worker.stacks.ask(report)
      if (hasLinks) worker.blame('stuck')
      break
    case 'worker-spent':
      worker.recycle(describeRequests(recycle(), report.requests))
      break
  }
}
