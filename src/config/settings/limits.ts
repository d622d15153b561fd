/** Settings that bound what clients may take: time, room, number. */
import { count, countOr, duration, oneOf, onOrOff, size, sizeOr } from '../kinds/kinds.ts'
import { defineSetting } from './setting.ts'

const KIB = 1024
const MIB = 1024 * KIB
const TIB = 1024 ** 4
/**
 * A head goes to a worker in one frame (`MAX_PAYLOAD` of `apps/wire/frames.ts`), in which the target stands twice, each raw byte of it
 * three times as long, and a host that a proxy names three times. A larger head would cost the link, and all requests on it.
 */
export const [MAX_REQUEST_LINE, MAX_HEADERS] = [128 * KIB, 256 * KIB]
export const MAX_FIELDS = 32_768

export const keepAlive = defineSetting({
  name: 'keep-alive',
  section: 'Limits',
  placeholder: 'TIME',
  kind: duration(null),
  default: '75s',
  why: 'Load balancers keep idle connections for 60 s (AWS, nginx; Google 600): closing before them makes random 502s.',
  doc: 'Idle time of a connection between requests, and before the first.',
  change: 'restart',
})

export const headerTimeout = defineSetting({
  name: 'header-timeout',
  section: 'Limits',
  placeholder: 'TIME',
  kind: duration('no limit'),
  default: '15s',
  why: 'A phone on a bad network needs a few seconds; a slowloris gets no more.',
  doc: 'From the first byte of a request to the end of its head; then 408.',
  change: 'restart',
})

export const bodyTimeout = defineSetting({
  name: 'body-timeout',
  section: 'Limits',
  placeholder: 'TIME',
  kind: duration('no limit'),
  default: '30s',
  why: 'Longer than the pauses of a network that still works.',
  doc: 'Without a byte of the request body; then 408.',
  change: 'restart',
})

export const sendTimeout = defineSetting({
  name: 'send-timeout',
  section: 'Limits',
  placeholder: 'TIME',
  kind: duration('no limit'),
  default: '60s',
  why: "nginx's.",
  doc: 'Without the client taking a byte of the response.',
  change: 'restart',
})

export const minBodyRate = defineSetting({
  name: 'min-body-rate',
  section: 'Limits',
  placeholder: 'SIZE',
  kind: size(1, 64 * MIB, 'any'),
  default: '240',
  why: "Kestrel's; the slowest phone does ten times as much, and who sends a byte now and then wants to hold a connection.",
  doc: 'Bytes a second that a request body must come at; less is 408.',
  more: 'As a mean over each `body-timeout`, so a pause or a slow beginning within it does no harm. Only time in which the body was waited for counts. Clients that send an endless stream of little need 0.',
  change: 'restart',
})

export const minSendRate = defineSetting({
  name: 'min-send-rate',
  section: 'Limits',
  placeholder: 'SIZE',
  kind: size(1, 64 * MIB, 'any'),
  default: '240',
  why: "Kestrel's, as with min-body-rate.",
  doc: 'Bytes a second that a response must be taken at; less closes the connection.',
  more: 'As a mean over each `send-timeout`, while some of the response waits. An event stream with nothing to send is not slow: nothing waits.',
  change: 'restart',
})

export const queueLimit = defineSetting({
  name: 'queue-limit',
  section: 'Limits',
  placeholder: 'N',
  kind: count(1, 1_000_000),
  default: '1024',
  why: "At 100 requests a second, ten seconds' worth: whoever comes later would not wait for it.",
  doc: 'Requests that wait for a worker; one more is answered 503.',
  change: 'restart',
})

export const queueTimeout = defineSetting({
  name: 'queue-timeout',
  section: 'Limits',
  placeholder: 'TIME',
  kind: duration('no limit'),
  default: '30s',
  why: 'Nobody waits longer for a page.',
  doc: 'Time that a request waits for a worker; then 503.',
  change: 'restart',
})

export const queueOrder = defineSetting({
  name: 'queue-order',
  section: 'Limits',
  placeholder: 'ORDER',
  kind: oneOf(['fifo', 'newest-first']),
  default: 'fifo',
  why: 'Fair, and what everybody expects: whoever was let in gets an answer. Clients that gave up leave the queue by themselves, so no worker is spent on them in either order.',
  doc: 'Who is served first while requests wait: fifo, or newest-first under overload.',
  more: 'With `newest-first`, while the oldest request has waited for more than a second, the newest goes first, and takes the place of the oldest (503) when the queue is full: most clients then get their answer as fast as on a quiet day, and those that waited longest get none, where `fifo` would serve all of them late. For clients with time limits of their own, which would call a late answer a failure and come again. As long as nothing waits for a second it is the same as `fifo`.',
  change: 'restart',
})

export const requestBuffering = defineSetting({
  name: 'request-buffering',
  section: 'Limits',
  placeholder: 'MODE',
  kind: onOrOff('value'),
  default: 'on',
  why: 'A slow upload then costs no worker.',
  doc: 'Read the whole body before a worker is taken: on or off.',
  more: '`off` hands content on while it arrives, for applications that show progress or read endless streams; each slow upload then holds a worker.',
  change: 'restart',
})

export const limitRequestLine = defineSetting({
  name: 'limit-request-line',
  section: 'Limits',
  placeholder: 'SIZE',
  kind: size(256, MAX_REQUEST_LINE),
  default: '8K',
  why: "nginx's and Apache's; longer URLs break in proxies and browsers anyway.",
  doc: 'Method, URL and version of a request; longer is 414.',
  change: 'restart',
})

export const limitRequestFields = defineSetting({
  name: 'limit-request-fields',
  section: 'Limits',
  placeholder: 'N',
  kind: count(1, MAX_FIELDS),
  default: '100',
  why: "Apache's and gunicorn's; browsers send about 15.",
  doc: 'Number of header fields; more is 431.',
  change: 'restart',
})

export const limitRequestHeaderSize = defineSetting({
  name: 'limit-request-header-size',
  section: 'Limits',
  placeholder: 'SIZE',
  kind: size(512, MAX_HEADERS),
  default: '64K',
  why: 'Cookies of a browser are up to 4 KiB each; nginx allows 4 × 8 KiB, Node 16 KiB. This covers single sign-on tokens.',
  doc: 'All header fields together; more is 431.',
  change: 'restart',
})

export const limitRequestBody = defineSetting({
  name: 'limit-request-body',
  section: 'Limits',
  placeholder: 'SIZE',
  kind: size(1, 1024 * TIB, 'no limit'),
  default: '1G',
  why: "It goes to a temporary file, so that memory does not limit it; nginx's 1 MiB is the classic surprise of first uploads.",
  doc: 'Content of a request; more is 413.',
  change: 'restart',
})

export const limitTempBytes = defineSetting({
  name: 'limit-temp-bytes',
  section: 'Limits',
  placeholder: 'SIZE',
  kind: sizeOr('auto', MIB, 1024 * TIB),
  default: 'auto',
  why: 'Three quarters of what is free in `temp-dir` at start: a full disk would stop others too, the database first.',
  doc: 'All temporary files together; then large uploads are 503; auto: by free space.',
  more: 'Uploads and responses of more than 1 MiB wait in temporary files. When these have reached the limit, an upload that does not fit into memory is answered 503 with `Retry-After`, before it is read where its length is known, and a response that does not is held back: its worker waits for the client. Keep it above `limit-request-body`: a larger upload than this never succeeds.',
  change: 'restart',
})

export const limitMemory = defineSetting({
  name: 'limit-memory',
  section: 'Limits',
  placeholder: 'SIZE',
  kind: sizeOr('auto', MIB, TIB),
  default: 'auto',
  why: 'A quarter of what the control group allows (a container, a service), else of the machine: the workers need the rest.',
  doc: 'All that clients make the gateway keep in memory; auto: by what there is.',
  more: 'Heads and content of requests, responses that clients do not take, messages of WebSockets, what workers do not read: all of it together. From a quarter of it on the gateway keeps less: temporary files are used at once instead of after 1 MiB, in smaller pieces, and workers wait for slow clients sooner. At the limit the largest go first: an upload is answered 503, a WebSocket is closed with 1013, a response or a connection is cut, and the log says so. It is what the buffers hold; the gateway itself takes some 60 MB besides, and up to half as much again until freed memory is used anew.',
  change: 'restart',
})

export const limitConnections = defineSetting({
  name: 'limit-connections',
  section: 'Limits',
  placeholder: 'N',
  kind: countOr('auto', 1, 1_000_000),
  default: 'auto',
  why: 'Three quarters of the limit on open files, less links to workers: the rest is for temporary files and files that are sent.',
  doc: 'Client connections at a time; auto: by the limit on open files.',
  change: 'restart',
})

export const limitConnectionsPerAddress = defineSetting({
  name: 'limit-connections-per-address',
  section: 'Limits',
  placeholder: 'N',
  kind: countOr('auto', 0, 1_000_000),
  default: 'auto',
  why: 'Half of `limit-connections`: one client cannot keep all others out, and an office or a mobile network behind one address is not noticed.',
  doc: 'Client connections of one address at a time; auto: half of all, 0: no limit.',
  more: 'One more is answered 503. An IPv6 network of 64 bits counts as one address. Trusted proxies and Unix sockets are not counted: they speak for many. A proxy that is not among `trusted-proxies` is, and the log says so when it is refused.',
  change: 'restart',
})

export const wsMaxSize = defineSetting({
  name: 'ws-max-size',
  section: 'Limits',
  placeholder: 'SIZE',
  kind: size(1, 64 * MIB),
  default: '16M',
  why: 'What uvicorn and websockets take: applications that move to Jumak go on working. A message is in memory as a whole.',
  doc: 'Longest message of a WebSocket; a longer one closes it with 1009.',
  change: 'restart',
})

export const wsPingInterval = defineSetting({
  name: 'ws-ping-interval',
  section: 'Limits',
  placeholder: 'TIME',
  kind: duration('no pings'),
  default: '20s',
  why: 'As uvicorn: proxies and NATs forget silent connections after 30 to 60 s.',
  doc: 'Silence after which a WebSocket is asked whether it is still there.',
  change: 'restart',
})

export const wsPingTimeout = defineSetting({
  name: 'ws-ping-timeout',
  section: 'Limits',
  placeholder: 'TIME',
  kind: duration('no limit'),
  default: '20s',
  why: 'As uvicorn: with the interval, a client that has vanished costs 40 s at most.',
  doc: 'For the answer to such a question; then the WebSocket is closed.',
  change: 'restart',
})
