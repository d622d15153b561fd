/** How long a new master may take. Runs in both masters. */
import type { Config } from '../../config/types.ts'

/** The longest `--start-timeout` of its applications, and `beyondMs` for all else; 0: one of them may take for ever. */
export function startLimit({ apps }: Pick<Config, 'apps'>, beyondMs: number): number {
  const timeouts = apps.map(({ startTimeout }) => startTimeout)
  return timeouts.includes(0) ? 0 : Math.max(0, ...timeouts) + beyondMs
}
