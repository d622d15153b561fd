/** Settings for the time when the application is written. */
import { onOrOff, path } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'

export const development = {
  isDevelopment: plain({
    name: 'reload',
    section: 'Development',
    placeholder: '',
    kind: onOrOff('flag'),
    default: 'off',
    why: 'It shows errors with their code, and watches files.',
    doc: 'Load code anew when it changes, and show errors in the browser.',
    more: 'Errors are shown to this machine only. `--no-reload` wins over a file that switches it on.',
    change: 'restart',
  }),
  watch: input({
    name: 'reload-dir',
    section: 'Development',
    placeholder: 'DIR',
    kind: path('must name a directory that exists'),
    default: null,
    defaultText: "the application's",
    why: 'Code that is worked on is rarely elsewhere.',
    doc: 'Directory that --reload watches; repeatable.',
    repeatable: 'words',
    change: 'restart',
  }),
}
