/** What a close frame of ours may carry (RFC6455§5.5.1, §7.4). */
import { CloseCode, isSendableCloseCode } from '../http/websocket.ts'

/** A control frame has 125 bytes at most (RFC6455§5.5). Two of them are the code. */
const MAX_REASON = 123

/** Undefined: the frame has no code. A code that may not be sent becomes 1011. */
export function codeOnWire(code: number): number | undefined {
  if (code === CloseCode.NO_STATUS) return undefined
  return isSendableCloseCode(code) ? code : CloseCode.INTERNAL_ERROR
}

/** The reason as UTF-8, cut to MAX_REASON bytes, never within a character. */
export function reasonOnWire(reason: string): Buffer {
  const text = Buffer.from(reason)
  if (text.length <= MAX_REASON) return text
  let end = MAX_REASON
  while ((text[end]! & 0xc0) === 0x80) end--
  return text.subarray(0, end)
}
