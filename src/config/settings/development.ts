/** Settings for the development of the application. */
import { onOrOff } from '../kinds/kinds.ts'
import { plain } from './setting.ts'

export const development = {
  isDevelopment: plain({
    name: 'reload',
    section: 'Development',
    placeholder: '',
    kind: onOrOff('flag'),
    default: 'off',
    why: 'It shows the code of errors to the browser, and watches files.',
    doc: 'Load code again when it changes, and show errors in the browser.',
    more: 'A change of `jumak.toml`, or of a file that it includes, is read as at HUP; while it is wrong, the log says so and nothing changes. Only browsers on this machine see the errors. `--no-reload` wins over a file that switches it on.',
    change: 'restart',
  }),
}
