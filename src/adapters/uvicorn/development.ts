/** uvicorn's options of reload. Pure. */
import { type AnyOption, type Section, works } from '../option.ts'
import { decimalNumber, flag, list, type Shape } from '../shapes.ts'
import type { Translation } from '../translation.ts'

const NO_RELOAD = 'does nothing without --reload, as in uvicorn'

/** What is only for `--reload`. */
const forReload = <Value>(
  name: string,
  flagName: string,
  { shape, standard, doc }: { readonly shape: Shape<Value>; readonly standard: string; readonly doc: string },
  as: string,
  apply: (value: Value, to: Translation) => void,
): AnyOption =>
  works(name, { flags: [flagName], shape, standard, doc }, as, (value, to) => {
    if (to.valueOf<boolean>('reload') === true) apply(value, to)
    else to.tell(NO_RELOAD)
  })

export const DEVELOPMENT: Section = {
  title: 'Development',
  options: [
    works(
      'reload',
      { flags: ['--reload'], shape: flag(), standard: 'False', doc: 'Load the code again when it changes.' },
      '`--reload`; the browser shows errors with their code, and a request never meets old code',
      (isOn, to) => {
        if (isOn) to.set('reload', 'on')
      },
    ),
    forReload(
      'reload_dirs',
      '--reload-dir',
      { shape: list(), standard: '[]', doc: 'Directory to watch in place of the working directory; repeatable.' },
      '`--reload-dir`',
      (directories, to) => to.set('reload-dir', ...directories.map(directory => to.path(directory))),
    ),
    forReload(
      'reload_includes',
      '--reload-include',
      { shape: list(), standard: '[]', doc: 'Pattern of files to watch, or directory; repeatable.' },
      'what the application has read is watched, templates and `.env` files too',
      (_patterns, to) => to.tell('is not needed: all that the application has read is watched, templates too'),
    ),
    forReload(
      'reload_excludes',
      '--reload-exclude',
      { shape: list(), standard: '[]', doc: 'Pattern of files not to watch, or directory; repeatable.' },
      'only what the application has read, or could read, is watched',
      (_patterns, to) => to.tell('is not needed: a file that the application does not read changes nothing'),
    ),
    forReload(
      'reload_delay',
      '--reload-delay',
      { shape: decimalNumber(), standard: '0.25', doc: 'Seconds between two looks at the files.' },
      'the system tells of changes, so nobody looks',
      (_seconds, to) => to.tell('is not needed: the system tells of changes at once'),
    ),
  ],
}
