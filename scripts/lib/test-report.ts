/**
 * What `npm test` prints of Node's test runner: a line for each file when it is done, each failure whole, what was skipped and
 * why, the slowest tests, and at the end the runner's own count, which people and CI look for there.
 *
 * Node's `spec` reporter writes the failures and the count. It gets no other events, because it would write a line for each of some
 * thousand tests.
 */
import { relative } from 'node:path'
import { Readable } from 'node:stream'
import type { EventData, TestsStream } from 'node:test'
import { spec } from 'node:test/reporters'
import { seconds } from './command.ts'
import { ROOT } from './tools.ts'

const SLOWEST = 10
/** Events of tests that pass, and of files that begin. */
const UNSEEN = new Set(['test:enqueue', 'test:dequeue', 'test:start', 'test:plan', 'test:pass', 'test:complete'])

interface Event {
  readonly type: string
  readonly data: unknown
}

export interface Outcome {
  readonly failed: number
  readonly skipped: number
}

/** Prints through `print` while the tests run; resolves when all of them are done. */
export async function reportTests(events: TestsStream, print: (text: string) => void): Promise<Outcome> {
  const times: { name: string; milliseconds: number }[] = []
  const skipped: string[] = []
  let failed = 0

  async function* forSpec(): AsyncGenerator<Event> {
    for await (const event of events as AsyncIterable<Event>) {
      if (event.type === 'test:pass') passed(event.data as EventData.TestPass)
      if (event.type === 'test:fail') failed++
      if (event.type === 'test:summary') {
        const summary = event.data as EventData.TestSummary
        if (summary.file === undefined) printSlowest()
        else print(describeFile(summary.file, summary))
      }
      if (!UNSEEN.has(event.type)) yield event
    }
  }

  function passed({ name, file = '', details, skip }: EventData.TestPass): void {
    // Suites and files only sum up their tests.
    if (details.type === 'suite' || name === file) return
    const place = `${relative(ROOT, file)}: ${name}`
    if (skip === undefined || skip === false) times.push({ name: place, milliseconds: details.duration_ms })
    else skipped.push(typeof skip === 'string' ? `${place} (${skip})` : place)
  }

  function printSlowest(): void {
    for (const name of skipped) print(`skipped: ${name}\n`)
    const slowest = times.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, SLOWEST)
    print(`\nThe ${slowest.length} slowest tests:\n`)
    for (const { name, milliseconds } of slowest) print(`  ${seconds(milliseconds).padStart(7)}  ${name}\n`)
    print('\n')
  }

  for await (const part of Readable.from(forSpec()).compose(new spec()) as AsyncIterable<Buffer>) print(part.toString())
  return { failed, skipped: skipped.length }
}

function describeFile(file: string, { counts, duration_ms, success }: EventData.TestSummary): string {
  const count = `${counts.tests} test${counts.tests === 1 ? '' : 's'}`
  return `${success ? 'ok    ' : 'FAILED'} ${relative(ROOT, file).padEnd(48)} ${count.padEnd(10)} ${seconds(duration_ms)}\n`
}
