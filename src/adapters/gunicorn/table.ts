/** gunicorn's options, and what each becomes here. Pure. */
import { type AnyOption, option } from '../option.ts'
import { list, wholeNumber } from '../shapes.ts'

export const OPTIONS: readonly AnyOption[] = [
  option('bind', ['-b', '--bind'], list(), {
    is: 'works',
    as: '`--bind`',
    apply: (addresses, to) => to.set('bind', ...addresses),
  }),
  option('workers', ['-w', '--workers'], wholeNumber(), {
    is: 'works',
    as: '`--workers`',
    apply: (count, to) => to.set('workers', String(count)),
  }),
]
