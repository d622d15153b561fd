/** Settings of the heads of requests: how large they may be. */
import { count, size } from '../kinds/kinds.ts'
import { plain } from './setting.ts'

const KIB = 1024
/**
 * A head goes to a worker in one frame (`MAX_PAYLOAD` of `apps/wire/frames.ts`). The frame has the target twice, with three bytes for
 * each raw byte, and a host that a proxy names three times. A larger head would break the link, and all requests on it.
 */
export const [MAX_REQUEST_LINE, MAX_HEADERS] = [128 * KIB, 256 * KIB]
export const MAX_FIELDS = 32_768
/** Bytes. Less would refuse ordinary requests. */
export const [MIN_REQUEST_LINE, MIN_HEADERS] = [256, 512]

export const requests = {
  limits: {
    requestLine: plain({
      name: 'limit-request-line',
      section: 'Limits',
      placeholder: 'SIZE',
      kind: size(MIN_REQUEST_LINE, MAX_REQUEST_LINE),
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
      kind: size(MIN_HEADERS, MAX_HEADERS),
      default: '64K',
      why: 'A cookie has up to 4 KiB; nginx allows 4 × 8 KiB, Node 16 KiB. This is enough for single sign-on tokens.',
      doc: 'All header fields together; more is 431.',
      more: 'This limit and `limit-request-fields` hold for HTTP/1.1 and for HTTP/2, there for the fields as they are after decompression.',
      change: 'restart',
    }),
  },
}
