/** Setting of the directories that are watched while an application is developed. */
import { path } from '../kinds/kinds.ts'
import { input } from './setting.ts'

export const watching = {
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
