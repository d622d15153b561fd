/** Which requests get a line in the access log, and the line. Runs in the gateway; `sink.ts` writes it. */
import type { AccessLines } from '../config/types.ts'
import type { Answered } from '../http/exchange.ts'
import { compileAccessFormat, statusOf } from './access-format.ts'

/** Called once for each request, when it is over. */
export type AccessWriter = (entry: Answered) => void

/** With conditions, a request that meets one of them is written. */
export function createAccessWriter(config: AccessLines, write: (line: string) => void): AccessWriter {
  const { minStatus, slowerThan } = config
  const line = compileAccessFormat(config.format)
  const isConditional = minStatus > 0 || slowerThan > 0
  return entry => {
    if (entry.hasOwnLogs) return
    const now = performance.now()
    if (isConditional) {
      const isBad = minStatus > 0 && statusOf(entry) >= minStatus
      const isSlow = slowerThan > 0 && now - entry.receivedAt >= slowerThan
      if (!isBad && !isSlow) return
    }
    write(line(entry, now))
  }
}
