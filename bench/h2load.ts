/** h2load, the load generator of nghttp2: as many requests at a time on each connection as a scene says. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { percentiles } from './clients/percentiles.ts'
import type { Answers } from './load.ts'
import type { Scene } from './scenes.ts'
import { H2LOAD_OPTIONS } from './tls.ts'

const run = promisify(execFile)
/** So many paths in turn: every request differs from the one before. */
const PATHS = 997
/** A burst of large content has so many for each at a time, however long it takes: what the end of a second cuts would cost and not count. */
const LARGE_EACH = 2
/** More than any burst needs. A server that stops in the middle is a failure. */
const PATIENCE_MS = 60_000
/** Less than the 1 MiB that nginx takes by itself. */
const UPLOAD_BYTES = 1_000_000

/** With HTTP/1 it has a connection for each request at a time instead. */
export async function h2load(
  { http, streams, tls, load }: Pick<Scene, 'http' | 'streams' | 'tls' | 'load'>,
  port: number,
  connections: number,
  seconds: number,
  core: string,
): Promise<Answers> {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-h2load-'))
  try {
    const [uris, content, log] = ['uris', 'content', 'log'].map(name => join(directory, name)) as [
      string,
      string,
      string,
    ]
    const base = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
    writeFileSync(uris, Array.from({ length: PATHS }, (_, i) => `${base}/page/${i}?n=${i}\n`).join(''))
    const isFirst = http === 'http1'
    const shape = isFirst ? ['--h1', `-c${connections * streams}`, '-m1'] : [`-c${connections}`, `-m${streams}`]
    const options = [...shape, ...H2LOAD_OPTIONS, '-t1', `--input-file=${uris}`, `--log-file=${log}`]
    if (load === 'upload' || load === 'download') options.push(`-n${connections * streams * LARGE_EACH}`)
    else options.push(`-D${seconds}`)
    if (load === 'upload') {
      writeFileSync(content, Buffer.alloc(UPLOAD_BYTES, 'x'))
      options.push(`--data=${content}`, '--header=content-type: application/octet-stream')
    }
    const { stdout } = await run('taskset', ['-c', core, 'h2load', ...options], { timeout: PATIENCE_MS })
    return answersOf(stdout, readFileSync(log, 'latin1'))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** @param log - A line for each answer: start, status, microseconds. */
function answersOf(output: string, log: string): Answers {
  const [, time, unit] = /finished in ([\d.]+)(us|ms|s)/.exec(output) ?? []
  const seconds = Number(time) * { us: 1e-6, ms: 1e-3, s: 1 }[unit ?? 's']!
  const [, requests, ...lost] = (
    / done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(output) ?? [output]
  ).map(Number)
  if (requests === undefined || Number.isNaN(seconds)) throw new Error(`h2load says: ${output.slice(-500)}`)
  // It counts an errored one as failed, too.
  const errors = lost[0]! + lost[2]!
  const latencies = log.split('\n').flatMap(line => (line === '' ? [] : [Number(line.split('\t')[2]) / 1000]))
  return { requests, seconds, ...percentiles(latencies), errors }
}
