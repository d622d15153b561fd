/** uvicorn's options, and what each becomes here. Pure. */
import { type AnyOption, option } from '../option.ts'
import { wholeNumber } from '../shapes.ts'

export const OPTIONS: readonly AnyOption[] = [
  option('workers', ['--workers'], wholeNumber(1), {
    is: 'works',
    as: '`--workers`',
    apply: (count, to) => to.set('workers', String(count)),
  }),
]
