/**
 * Files of trusted addresses (`trusted-proxies = ["file:cloudflare.txt"]`): an address or a range a line, as Cloudflare has them at
 * cloudflare.com/ips-v4. Blank lines, and what is behind `#`, count for nothing. Runs in the command line, and in the master when it reloads.
 */
import { readFileSync, statSync } from 'node:fs'
import { isAddressOrRange } from './kinds/ip.ts'

/** Bytes: comments have room. */
const MAX_FILE = 256 * 1024
/** In all files together. The gateway compares with each of them every address that a proxy names. */
export const MAX_RANGES = 1000

export interface RangesProblem {
  /** From 1; 0: it is about the file. */
  readonly line: number
  readonly problem: string
}

/** `path`: absolute. A file without a range is a mistake too: an update that failed must not make all clients one. */
export function readRanges(
  path: string,
): { readonly ranges: readonly string[] } | { readonly problems: readonly RangesProblem[] } {
  const whole = (problem: string) => ({ problems: [{ line: 0, problem }] })
  let text: string
  try {
    if (statSync(path).size > MAX_FILE) return whole(`has more than ${MAX_FILE} bytes`)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return whole(`cannot be read: ${(error as Error).message}`)
  }
  const ranges: string[] = []
  const problems: RangesProblem[] = []
  for (const [index, written] of text.split('\n').entries()) {
    const range = (written.split('#', 1)[0] ?? '').trim()
    if (range === '') continue
    if (isAddressOrRange(range)) ranges.push(range)
    else problems.push({ line: index + 1, problem: 'must be an IP address, or a range as in 10.0.0.0/8' })
  }
  if (problems.length > 0) return { problems }
  if (ranges.length === 0) return whole('has no address and no range')
  return { ranges }
}
