/** Whether a series of measurements grows: the median of the slopes between all pairs, which a few outliers do not move. */

export interface Sample {
  readonly seconds: number
  readonly value: number
}

export interface Trend {
  readonly mean: number
  /** From the first to the last sample, along the slope. */
  readonly growth: number
}

export function trendOf(samples: readonly Sample[]): Trend {
  const mean = samples.reduce((sum, { value }) => sum + value, 0) / Math.max(1, samples.length)
  const slopes: number[] = []
  for (const [i, a] of samples.entries())
    for (const b of samples.slice(i + 1))
      if (b.seconds > a.seconds) slopes.push((b.value - a.value) / (b.seconds - a.seconds))
  slopes.sort((a, b) => a - b)
  const slope = slopes[Math.floor(slopes.length / 2)] ?? 0
  return { mean, growth: slope * ((samples.at(-1)?.seconds ?? 0) - (samples[0]?.seconds ?? 0)) }
}

/** The least of the last `window` at each sample: what is in flight comes and goes, what has leaked stays. */
export function floorOf(samples: readonly Sample[], window: number): Sample[] {
  return samples.map(({ seconds }, index) => {
    const last = samples.slice(Math.max(0, index - window + 1), index + 1)
    return { seconds, value: Math.min(...last.map(({ value }) => value)) }
  })
}
