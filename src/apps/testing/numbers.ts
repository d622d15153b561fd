/** A number from 0 to `below` - 1. */
export type Dice = (below: number) => number

/** Numbers that look random and are the same in every run of a seed. */
export function numbers(seed: number): Dice {
  let state = seed
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
