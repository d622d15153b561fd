/** The headers with which proxies describe their client, as `--forwarded-headers` names them. No other can be believed. */
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
