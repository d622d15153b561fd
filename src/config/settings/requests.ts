/** Settings of requests: how large they may be, and when their content goes to a worker. */
import { count, onOrOff, size } from '../kinds/kinds.ts'
import { input, plain } from './setting.ts'

const KIB = 1024
const TIB = 1024 ** 4
/**
 * A head goes to a worker in one frame (`MAX_PAYLOAD` of `apps/wire/frames.ts`). The frame has the target twice, with three bytes for
 * each raw byte, and a host that a proxy names three times. A larger head would break the link, and all requests on it.
 */
export const [MAX_REQUEST_LINE, MAX_HEADERS] = [128 * KIB, 256 * KIB]
export const MAX_FIELDS = 32_768

export const requests = {
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
    requestLine: plain({
      name: 'limit-request-line',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: size(256, MAX_REQUEST_LINE),
      default: '8K',
      why: "nginx's and Apache's; longer URLs break in proxies and browsers anyway.",
      doc: 'Method, URL and version of a request; longer is 414.',
      change: 'restart',
    }),
    headerCount: plain({
      name: 'limit-request-fields',
      section: 'Limits',
      placeholder: 'N',
      kind: count(1, MAX_FIELDS),
      default: '100',
      why: "Apache's and gunicorn's; browsers send about 15.",
      doc: 'Number of header fields; more is 431.',
      change: 'restart',
    }),
    headerBytes: plain({
      name: 'limit-request-header-size',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: size(512, MAX_HEADERS),
      default: '64K',
      why: 'A cookie has up to 4 KiB; nginx allows 4 × 8 KiB, Node 16 KiB. This is enough for single sign-on tokens.',
      doc: 'All header fields together; more is 431.',
      change: 'restart',
    }),
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
