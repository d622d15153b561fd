import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from '../../support/paths.ts'
import { RawClient } from '../../support/raw-client.ts'
import { until } from '../../support/server.ts'
import { inDirectory, onSmallDisk } from '../disk.ts'
import type { Report, Scenario } from '../scenario.ts'
import { gatewayThreads, onStage, type Stage, type StageOptions } from '../stage.ts'

const DISK_BYTES = 8 * 1024 * 1024
const FEW_DESCRIPTORS = 128
const USR1_TIMES = 5

export const RESOURCES: readonly Scenario[] = [
  { name: 'log-full', fault: 'a full disk under the access log', run: fullAccessLog },
  { name: 'log-directory', fault: 'logs opened anew where no directory is', run: missingLogDirectory },
  {
    name: 'log-reader-gone',
    fault: "the reader of the log's pipe is gone",
    run: report =>
      onStage(report, { interface: 'wsgi', load: { kinds: ['print', 'post', 'wait'], mayFail: true } }, loseReader),
  },
  {
    name: 'log-reader-stuck',
    fault: "the reader of the log's pipe is stuck",
    run: report => onStage(report, { interface: 'wsgi', load: { kinds: ['print', 'print', 'post'] } }, stopReader),
  },
  { name: 'disk-full', fault: 'a full temporary disk', run: fullDisk },
  { name: 'few-descriptors', fault: `ulimit -n ${FEW_DESCRIPTORS}, and more clients than that`, run: fewDescriptors },
]

function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      // Closed while we looked.
      return []
    }
  })
}

const ACCESS_LOG_IS_FULL = /(?:warn|error) .*access log.*ENOSPC/

function fullAccessLog(report: Report): Promise<void> {
  return onStage(report, { interface: 'wsgi', args: ['--access-log', '/dev/full'] }, async stage => {
    await stage.server.waitForLog(ACCESS_LOG_IS_FULL)
    await stage.untilServing()
    const isOpen = openFiles(stage.server.gateway().pid).includes('/dev/full')
    report.injectedAs(isOpen ? stage.load.counts.answered : 0, 1, 'requests whose line found no room')
    // Each thread writes lines of its own.
    const times = stage.logged(ACCESS_LOG_IS_FULL)
    report.expect(
      times >= 1 && times <= gatewayThreads(),
      `the log says ${times} times that the access log is full, not once for each thread of the gateway`,
    )
  })
}

function missingLogDirectory(report: Report): Promise<void> {
  return inDirectory(async directory => {
    const logs = join(directory, 'logs')
    mkdirSync(logs)
    const path = join(logs, 'access.log')
    await onStage(report, { interface: 'asgi', args: ['--access-log', path] }, async stage => {
      renameSync(logs, `${logs}.moved`)
      for (let i = 1; i <= USR1_TIMES; i++) {
        report.progress(`USR1 ${i} of ${USR1_TIMES}`)
        stage.server.signal('SIGUSR1')
        await until(
          () => stage.logged(/access log.*ENOENT/) >= i,
          () => 'the log does not say that the access log could not be opened',
        )
        await stage.untilServing()
      }
      report.injectedAs(stage.logged(/access log.*ENOENT/), USR1_TIMES, 'lines of the log')
      mkdirSync(logs)
      stage.server.signal('SIGUSR1')
      await until(
        () => existsSync(path) && statSync(path).size > 0,
        () => 'nothing is written after the directory has come back',
      )
    })
  })
}

async function loseReader(stage: Stage): Promise<void> {
  const { server, report } = stage
  const pipe = readlinkSync(`/proc/${server.pid}/fd/2`)
  const stderr = server.process.stderr as Socket
  stderr.destroy()
  await once(stderr, 'close')
  report.injectedAs(openFiles(process.pid).includes(pipe) ? 0 : 1, 1, 'readers of the pipe')
  await stage.untilServing(500)
  process.kill(server.workers()[0]!.pid, 'SIGKILL')
  await until(
    () => server.workers().length === 2,
    () => 'the program does not replace workers any more',
  )
}

async function stopReader(stage: Stage): Promise<void> {
  const { server, report } = stage
  const stream = server.process.stderr as Socket
  const before = server.log.length
  stream.pause()
  await stage.untilServing(5000)
  report.injectedAs(server.log.length === before ? 1 : 0, 1, 'no line came')
  stream.resume()
  await until(
    () => server.log.length > before,
    () => 'no line comes after the reader goes on',
  )
}

function fullDisk(report: Report): Promise<void> {
  return onSmallDisk(DISK_BYTES, async disk => {
    const isRefusal = ({ status }: { status: number }, kind: string) => kind === 'large' && status === 507
    const kinds = ['get', 'large', 'post', 'wait'] as const
    const load = { isRefusal, mayFail: true, kinds, connections: 4 }
    const options: StageOptions = { interface: 'wsgi', args: ['--temp-dir', disk], load }
    await onStage(report, options, stage => fillDisk(stage, disk))
  })
}

async function fillDisk(stage: Stage, disk: string): Promise<void> {
  const { server, load, report } = stage
  const filler = join(disk, 'filler')
  try {
    writeFileSync(filler, Buffer.alloc(DISK_BYTES))
  } catch (error) {
    // As much as there was room for.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
  await until(
    () => load.counts.refused >= 20,
    () => 'no upload was refused although the disk is full',
  )
  report.injectedAs(load.counts.refused, 1, 'uploads that found no room')
  process.kill(server.workers()[0]!.pid, 'SIGKILL')
  await server.waitForLog(/was killed by SIGKILL/)
  await stage.untilServing()
  rmSync(filler)
  // Some were under way when there was room again: each client of the load has begun others since.
  await stage.untilServing(200)
  const { refused } = load.counts
  await stage.untilServing(200)
  report.expect(load.counts.refused === refused, 'uploads are refused although there is room again')
}

function fewDescriptors(report: Report): Promise<void> {
  return inDirectory(async directory => {
    const program = join(directory, 'jumak')
    writeFileSync(program, `#!/bin/sh\nulimit -n ${FEW_DESCRIPTORS}\nexec ${ROOT}/bin/jumak "$@"\n`)
    chmodSync(program, 0o755)
    await onStage(report, { interface: 'wsgi', program }, async stage => {
      const { server } = stage
      const limits = readFileSync(`/proc/${server.gateway().pid}/limits`, 'latin1')
      report.expect(/Max open files\s+128 /.test(limits), 'the gateway has another limit')
      const refused = await crowd(stage)
      report.injectedAs(refused, 1, 'connections that were refused')
      report.expect(stage.logged(/EMFILE/) === 0, 'the log says EMFILE: descriptors ran out')
    })
  })
}

/** More connections than there are descriptors, again and again; the number of those that were refused: in words, and over TLS by a close. */
async function crowd(stage: Stage): Promise<number> {
  const { server, report } = stage
  let refused = 0
  for (let round = 1; round <= 5; round++) {
    report.progress(`crowd ${round} of 5`)
    const clients = Array.from({ length: FEW_DESCRIPTORS * 2 }, () => new RawClient(server.target))
    // wait: many of them are refused before they ask, which they cannot tell from silence
    await sleep(1000)
    for (const client of clients) client.get('/get/crowd')
    const answers = await Promise.allSettled(clients.map(client => client.response()))
    const isTls = typeof server.target === 'object'
    for (const answer of answers) if (answer.status === 'fulfilled' ? answer.value.status === 503 : isTls) refused++
    for (const client of clients) client.close()
    await stage.untilServing()
  }
  return refused
}
