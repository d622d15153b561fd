/** The headers in which proxies say who asked them and how: those that can be believed, lower-case, as `--forwarded-headers` names them. */
export const FORWARDED_HEADERS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-ssl',
  'x-forwarded-protocol',
] as const

export type ForwardedHeader = (typeof FORWARDED_HEADERS)[number]
