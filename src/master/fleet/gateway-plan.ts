/**
 * When to start a gateway, and when to kill one that does not listen. Pure: time is an argument. `gateways.ts` calls `planGateway` after
 * every event of the gateway and again at `wakeAt`. Runs in the master.
 */

export interface GatewayState {
  readonly now: number
  readonly gateway: 'gone' | 'starting' | 'listening'
  /** When it was spawned. */
  readonly since: number
  /** Back-off of a crash loop. */
  readonly notBefore: number
}

export interface GatewayPlan {
  readonly action: 'spawn' | 'kill' | null
  /** When to look again although nothing happened; Infinity: never. */
  readonly wakeAt: number
}

/** A gateway listens within a second, but later on a machine that swaps. */
const LISTEN_MS = 30_000

export function planGateway({ now, gateway, since, notBefore }: GatewayState): GatewayPlan {
  if (gateway === 'listening') return { action: null, wakeAt: Number.POSITIVE_INFINITY }
  const [moment, action] = gateway === 'gone' ? ([notBefore, 'spawn'] as const) : ([since + LISTEN_MS, 'kill'] as const)
  return moment <= now ? { action, wakeAt: Number.POSITIVE_INFINITY } : { action: null, wakeAt: moment }
}
