/** Settings of the content of requests to an application: how large it may be, and when it goes to a worker. */
import { onOrOff, size } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'

const TIB = 1024 ** 4

export const content = {
  requestBuffering: plain({
    name: 'request-buffering',
    section: 'Limits',
    placeholder: 'MODE',
    kind: onOrOff('value'),
    default: 'on',
    why: 'So a slow upload takes no worker.',
    doc: 'Read the whole body before a worker gets the request: on or off.',
    more: 'With `off` the worker gets the content while it arrives. This is for applications that show progress or read endless streams; each slow upload then holds a worker.',
    change: 'restart',
  }),
  limits: {
    body: input({
      name: 'limit-request-body',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: size(1, 1024 * TIB, 'no limit'),
      default: '1G',
      why: "Content goes to a temporary file, so memory does not limit it. nginx's 1 MiB surprises everybody at the first upload.",
      doc: 'Content of a request to the application; more is 413.',
      change: 'restart',
    }),
  },
}
