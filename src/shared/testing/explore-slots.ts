/**
 * Explores the protocol of the slots further than the tests do: minutes, and some GB of memory.
 *
 *     sh scripts/node src/shared/testing/explore-slots.ts [PART OF A NAME] [LIMIT OF STATES]
 */
import { explore } from './explorer.ts'
import { slotModel } from './slot-model.ts'
import { LONG, QUICK } from './slot-scenes.ts'

const part = process.argv[2] ?? ''
const limit = Number(process.argv[3] ?? 10_000_000)
for (const [name, scene] of Object.entries({ ...QUICK, ...LONG })) {
  if (!name.includes(part)) continue
  const startedAt = performance.now()
  const { states, transitions, isCut, fault } = explore(slotModel(scene), limit)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const outcome = fault !== null ? `FAULT: ${fault.what}` : isCut ? 'no fault so far: cut at the limit' : 'no fault'
  console.log(`${name}: ${states} states, ${transitions} transitions, ${seconds} s: ${outcome}`)
  for (const line of fault?.trace ?? []) console.log(`    ${line}`)
  if (fault !== null) process.exitCode = 1
}
