/** Sizes from text: `10M` → 10485760. */
import type { Parsed } from '../diagnostics.ts'

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/** `1048576` (bytes), `300M`, `1.5G`; units are powers of 1024, as in ulimit, Docker and Kubernetes' Mi. */
export function parseSize(text: string): Parsed<number> {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(?:([kmgt])(?:i?b)?)?$/i.exec(text) ?? []
  if (digits === undefined || (unit === '' && digits.includes('.')))
    return { problem: 'must be bytes (1048576) or a number with a unit (512K, 300M, 1G)' }
  const bytes = Math.round(Number(digits) * UNITS[unit.toLowerCase()]!)
  return Number.isSafeInteger(bytes) ? { value: bytes } : { problem: 'must be a size that a machine can have' }
}
