/** For tests that look at what owners hold in memory. */
import { blocksOf } from '../block-queue.ts'
import type { MemoryBudget } from '../memory-budget.ts'

/** Takes the spare blocks away, which the budget counts too. Returns the budget. */
export function withoutSpares(memory: MemoryBudget): MemoryBudget {
  for (let before = -1; before !== memory.used; ) {
    before = memory.used
    blocksOf(memory).take()
  }
  return memory
}
