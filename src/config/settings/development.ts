/** Settings for the development of the application. */
import { onOrOff, path } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'

export const development = {
  isDevelopment: plain({
    name: 'reload',
    section: 'Development',
    placeholder: '',
    kind: onOrOff('flag'),
    default: 'off',
    why: 'It shows the code of errors to the browser, and watches files.',
    doc: 'Load code again when it changes, and show errors in the browser.',
    more: 'Only browsers on this machine see the errors. `--no-reload` wins over a file that switches it on.',
    change: 'restart',
  }),
  watch: input({
    name: 'reload-dir',
    section: 'Development',
    placeholder: 'DIR',
    kind: path('must name a directory that exists'),
    default: null,
    defaultText: "the application's",
    why: 'You rarely work on code elsewhere.',
    doc: 'Directory that --reload watches; repeatable.',
    repeatable: 'words',
    change: 'restart',
  }),
}
