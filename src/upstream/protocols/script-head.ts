/** The head of a script's response as the proxy has heads of servers. */
import type { CgiHead } from '../../cgi/response-head.ts'
import type { UpstreamHead } from '../response-head.ts'

export function upstreamHead(head: CgiHead, keepsAlive: boolean): UpstreamHead {
  const { status, reason, headers, localRedirect } = head
  return {
    status,
    reason,
    headers,
    framing: 'close',
    keepsAlive,
    upgradeTo: '',
    hasTrailers: false,
    comesAgain: false,
    localRedirect,
  }
}
