/** Setting of the program's stop. */
import { duration } from '../kinds/kinds.ts'
import { plain } from './setting.ts'

export const stop = {
  shutdownDelay: plain({
    name: 'shutdown-delay',
    section: 'Workers',
    placeholder: 'TIME',
    kind: duration('none'),
    default: '0',
    why: 'Only a load balancer needs it. Behind one take a little more than the interval of its checks.',
    doc: 'Time from TERM until connections are refused; readiness is 503 meanwhile.',
    more: 'Until then everything is served as before, new connections too: a load balancer that has not noticed yet loses nothing. Then running requests have `graceful-timeout`. A second signal ends the delay; INT and QUIT have no delay.',
    change: 'live',
  }),
}
