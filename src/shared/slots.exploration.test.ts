/**
 * The protocol of the slots in every interleaving of a few threads, with deaths between any two steps (`testing/explorer.ts`). Then the
 * same with mistakes in the protocol, each of which must be found: what the explorer says is worth no more than that.
 */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { explore } from './testing/explorer.ts'
import { type Scene, slotModel } from './testing/slot-model.ts'
import { QUICK } from './testing/slot-scenes.ts'

for (const [name, scene] of Object.entries(QUICK)) {
  test(`no slot is lost, none is given twice, no call is forgotten: ${name}`, () => {
    const { fault, isCut, states } = explore(slotModel(scene))
    assert.equal(fault, null, [fault?.what, ...(fault?.trace ?? [])].join('\n'))
    assert.equal(isCut, false)
    assert.ok(states > 1000, `${states} states`)
  })
}

interface Mistake {
  readonly file: string
  readonly right: string
  readonly wrong: string
  readonly scene: Scene
  readonly fault: RegExp
}

const FORGOTTEN = /a call of thread \d waits, place \d is free, and no message is under way/
const UNTOLD = /place \d is granted to a thread, and no message is under way/
const LOST = /there is no way to a settled state/
const TWICE = /two requests at once/
const any = (count: number): number[] => new Array<number>(count).fill(-1)
const FEW: Scene = { places: 1, calls: [any(1), any(1)] }
const MORE: Scene = { places: 1, calls: [any(2), any(1)] }

const MISTAKES: Readonly<Record<string, Mistake>> = {
  'who publishes that a call waits does not look again': {
    file: 'testing/player.ts',
    right: 'if (!isBehind) this.#serve(now)',
    wrong: '',
    scene: FEW,
    fault: FORGOTTEN,
  },
  'who gives a place back does not look again': {
    file: 'slot-table.ts',
    right: 'const late = this.#heir(now, false)',
    wrong: 'const late = NONE as number',
    scene: FEW,
    fault: FORGOTTEN,
  },
  'a place is taken by load and store': {
    file: 'slot-table.ts',
    right:
      'if (!this.#isFree(word, now) || this.#cells.compareExchange(index, word, this.#owned) !== word) return false',
    wrong: 'if (!this.#isFree(word, now)) return false\n    this.#cells.store(index, this.#owned)',
    scene: FEW,
    fault: TWICE,
  },
  'a place is given back by a store after a look at it': {
    file: 'slot-table.ts',
    right: 'if (late === NONE || this.#cells.compareExchange(index, IDLE, grantTo(late, now)) !== IDLE) return NONE',
    wrong: 'if (late === NONE) return NONE\n    this.#cells.store(index, grantTo(late, now))',
    scene: MORE,
    fault: TWICE,
  },
  'no message is sent for a grant': {
    file: 'testing/player.ts',
    right: 'thread !== NONE && this.#pool.rouse(thread)',
    wrong: 'thread === -3',
    scene: FEW,
    fault: UNTOLD,
  },
  'a thread that a message woke does not say that it is awake': {
    file: 'testing/player.ts',
    right: 'this.#pool.awake()\n    this.#serve(now, isThorough)',
    wrong: 'this.#serve(now, isThorough)',
    scene: { places: 1, calls: [any(2), any(2)], isPatient: true, preemptions: 0 },
    fault: FORGOTTEN,
  },
  'a grant is never old': {
    file: 'slot-table.ts',
    right: 'return age >= OLD_STAMPS || age <= -OLD_STAMPS',
    wrong: 'return age === 2 ** 31',
    scene: { ...MORE, deaths: 1, isPatient: true, preemptions: 0 },
    fault: LOST,
  },
  'a grant is old at once': {
    file: 'slot-table.ts',
    right: 'if ((word & GRANT) === 0) return false',
    wrong: 'return true',
    scene: FEW,
    fault: TWICE,
  },
  'a place counts as busy after it is free': {
    file: 'slot-table.ts',
    right: `if (isOwned) this.#setBusy(-1)
    if (this.#cells.compareExchange(index, word, next) !== word) return NONE`,
    wrong: `if (this.#cells.compareExchange(index, word, next) !== word) return NONE
    if (isOwned) this.#setBusy(-1)`,
    scene: { places: 2, calls: [any(2), any(1)], usesCounts: true },
    fault: FORGOTTEN,
  },
  'a grant that is not needed stays': {
    file: 'testing/player.ts',
    right: 'this.#tell(table.pass(place, now))',
    wrong: '{}',
    scene: { places: 2, calls: [any(3), any(2)], preemptions: 0 },
    fault: UNTOLD,
  },
  'a place of a dead thread is given back while its request runs': {
    file: 'testing/slot-model.ts',
    right: 'if (world.running[place] === NOBODY)\n        possible.push(choice(`has a link',
    wrong: '{}\n        possible.push(choice(`has a link',
    scene: { ...FEW, deaths: 1 },
    fault: TWICE,
  },
  'a place of a dead thread stays its own': {
    file: 'testing/slot-model.ts',
    right: 'life === 0 ? [] : player.left',
    wrong: 'life < 9 ? [] : player.left',
    scene: { ...FEW, deaths: 1 },
    fault: LOST,
  },
}

/** The protocol with a mistake in it: a copy of its files. */
async function withMistake({ file, right, wrong }: Mistake): Promise<typeof slotModel> {
  const shared = import.meta.dirname
  const root = mkdtempSync(join(tmpdir(), 'jumak-mistake-'))
  const copy = join(root, 'shared')
  try {
    const files = [
      '../base/common-clock.ts',
      'cells.ts',
      'clock.ts',
      'pool-waits.ts',
      'slot-table.ts',
      'testing/player.ts',
      'testing/slot-model.ts',
    ]
    for (const one of files) cpSync(join(shared, one), join(copy, one))
    writeFileSync(join(root, 'package.json'), '{ "type": "module" }')
    const text = readFileSync(join(shared, file), 'utf8')
    assert.equal(text.split(right).length, 2, `${file} has this once: ${right}`)
    writeFileSync(join(copy, file), text.replace(right, wrong))
    return (await import(join(copy, 'testing/slot-model.ts'))).slotModel
  } finally {
    rmSync(root, { recursive: true })
  }
}

for (const [name, mistake] of Object.entries(MISTAKES)) {
  test(`a mistake is found: ${name}`, async () => {
    const model = await withMistake(mistake)
    const { fault } = explore(model(mistake.scene), 300_000)
    assert.match(fault?.what ?? 'no fault', mistake.fault)
  })
}
