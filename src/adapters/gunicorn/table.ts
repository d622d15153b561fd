/** gunicorn's options, and what each becomes here. Pure. */
import { type AnyOption, option } from '../option.ts'
import { list, text, wholeNumber } from '../shapes.ts'
import { HOOKS } from './hooks.ts'

export const OPTIONS: readonly AnyOption[] = [
  option('config', ['-c', '--config'], text(), {
    is: 'works',
    as: 'The file is evaluated by the Python of the application, as the user of the application.',
    apply() {},
  }),
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
  option('wsgi_app', [], text(), {
    is: 'works',
    as: 'APP',
    apply: (app, to) => {
      if (!to.values.has('app')) to.set('app', app)
    },
  }),
  ...HOOKS,
]
