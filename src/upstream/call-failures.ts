/** Where a call is, and the words for what goes wrong there: for the log, and for clients, who learn nothing of a server. */
import type { NextUpstream } from '../sites/upstream-model.ts'

/** Where a call is. */
export type Phase = 'queued' | 'no-room' | 'connecting' | 'sending' | 'waiting' | 'reading' | 'tunnel' | 'over'
/** What a server has not done in time. */
export const OVERDUE: Partial<Record<Phase, string>> = {
  'no-room': 'could not be asked: too many files are open (ulimit -n)',
  connecting: 'took no connection in time (proxy-connect-timeout)',
  sending: 'took nothing of the request in time (proxy-send-timeout)',
  waiting: 'gave no response in time (proxy-read-timeout)',
  reading: 'gave no more content in time (proxy-read-timeout)',
}
/** Behind a failure, where the request goes on. */
export const ANOTHER = '; another server is asked'
export type Failure = Extract<NextUpstream, 'error' | 'timeout' | 'invalid-header'>

/** Of CGI programs. */
export function wordsOfRefusal(status: number): string {
  if (status === 403) return 'This program may not be run'
  if (status === 404) return 'There is no such program'
  if (status === 431) return 'The header of the request is too large for a program'
  return status === 503 ? 'Too many requests are being answered' : wordsOf(status)
}

/** A client learns nothing of a server. */
export function wordsOf(status: number): string {
  if (status === 503) return 'Too many connections are open'
  if (status === 504) return 'The server behind this one did not answer in time'
  return 'The server behind this one could not be asked, or gave no valid answer'
}
