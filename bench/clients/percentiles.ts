/** Of latencies in milliseconds; sorts them. NaN where there are none. */
export function percentiles(latencies: number[]): { p50: number; p99: number; p999: number } {
  latencies.sort((a, b) => a - b)
  const at = (part: number) => latencies[Math.floor(latencies.length * part)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}
