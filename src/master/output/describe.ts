/** Words for people in the master's log lines. Pure. */
import type { NarratedCrashes } from './narrated.ts'

/** Characters: the whole line is in the log, under the name of the process that wrote it. */
const MAX_LAST_WORDS = 200

/** `exited with code 1`, `was killed by SIGSEGV`; both null: `is gone`. */
export function describeExit(code: number | null, signal: string | null): string {
  if (signal !== null) return `was killed by ${signal}`
  return code === null ? 'is gone' : `exited with code ${code}`
}

/** `230 ms`, `4.2 s`, `3 min`, `5 h`, `12 d`: precise enough to tell a crash at the start from one after days. */
export function describeDuration(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  const minutes = seconds / 60
  if (minutes < 120) return `${Math.round(minutes)} min`
  const hours = minutes / 60
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`
}

/** `1 worker`, `4 workers`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** `1,012`. */
export function describeCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** `900 KB`, `312 MB`, `1.5 GB`: powers of 1024, as sizes are given in settings. */
export function describeBytes(bytes: number): string {
  const kilobytes = bytes / 1024
  if (kilobytes < 1024) return `${Math.round(kilobytes)} KB`
  const megabytes = kilobytes / 1024
  if (megabytes < 10 && megabytes % 1 !== 0) return `${megabytes.toFixed(1)} MB`
  if (megabytes < 1024) return `${Math.round(megabytes)} MB`
  return `${(megabytes / 1024).toFixed(1)} GB`
}

/** What follows a death: `another one takes its place`, or after how long. */
export function describeSuccessor({ row, notBefore }: NarratedCrashes, now: number): string {
  const delay = notBefore - now
  if (delay <= 0) return 'another one takes its place'
  return `${row} died early in a row, the next is started in ${describeDuration(delay)}`
}

/** `; its last words: RuntimeError: no database`; empty when it printed nothing. */
export function describeLastWords(lastLine: string): string {
  const line = lastLine.trim()
  if (line === '') return ''
  return `; its last words: ${line.length > MAX_LAST_WORDS ? `${line.slice(0, MAX_LAST_WORDS)} …` : line}`
}
