/**
 * Who is let in, at random, put upon a site that `generate.ts` has made. It draws from a seed of its own, so the sites stay what they are.
 */
import type { Random } from '../fuzz/random.ts'
import type { Case, SpecAccess, SpecLocation, SpecRequest, SpecSite } from './spec.ts'

/** All requests come from 127.0.0.1. */
const RULES: readonly (readonly string[])[] = [
  ['deny all'],
  ['deny 127.0.0.1'],
  ['allow 127.0.0.0/8', 'deny all'],
  ['deny 127.0.0.0/30', 'allow all'],
  ['allow 10.0.0.0/8', 'deny ::1', 'allow 127.0.0.1', 'deny all'],
  ['allow 10.0.0.0/8'],
  ['allow all'],
  ['deny 192.0.2.1', 'deny fe80::/10', 'allow unix:'],
]

export function withAccess({ site, requests }: Case, random: Random): Case {
  const chance = (of: number) => random.below(1000) < of * 1000
  const pick = <Value>(from: readonly Value[]): Value => from[random.below(from.length)]!
  const drawn = (of: number): SpecAccess => ({
    ...(chance(of) ? { access: pick(RULES) } : {}),
    ...(chance(of) ? { satisfy: pick(['any', 'all'] as const) } : {}),
  })
  const within = (location: SpecLocation): SpecLocation => {
    // In limit_except nginx forgets the steps and try_files of its location.
    const isPlain = location.steps.length === 0 && location.tryFiles === undefined
    return {
      ...location,
      ...drawn(0.2),
      ...(isPlain && !location.match.startsWith('@') && chance(0.15)
        ? { limitExcept: { methods: pick(['GET', 'POST', 'GET POST', 'PUT HEAD']), access: pick(RULES) } }
        : {}),
      locations: location.locations.map(within),
    }
  }
  if (!chance(0.4)) return { site, requests }
  const guarded: SpecSite = { ...site, ...drawn(0.1), locations: site.locations.map(within) }
  return { site: guarded, requests: requests.map((one): SpecRequest => one) }
}
