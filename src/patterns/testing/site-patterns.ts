/** Patterns as configurations of sites have them: of every shape that people write. All of them must be taken. */

/** `i`: as after `~*`. */
export const SITE_PATTERNS: readonly { readonly pattern: string; readonly i: boolean }[] = [
  // Extensions
  { pattern: '\\.php$', i: false },
  { pattern: '\\.(?:avif|webp|jpe?g)$', i: true },
  { pattern: '\\.(bak|orig|swp|tmp|old)$', i: true },
  { pattern: '^.+\\.(?:css|m?js)(?:\\.map)?$', i: false },
  { pattern: '(?<!\\.min)\\.css$', i: false },
  // Places below a prefix
  { pattern: '^/(shop|stock)/?', i: false },
  { pattern: '^/(?:(en|ko|pt)/)?shelf(/.*)?$', i: false },
  { pattern: '(/outer)?/cellar', i: false },
  { pattern: '/cellar/(?<rest>.*)', i: false },
  { pattern: '^/pictures/(.+)$', i: true },
  { pattern: '^/order/[\\w_-]{1,64}/?$', i: false },
  { pattern: '^/lens/([^/]*)/(.*)$', i: false },
  { pattern: '^/(?<year>[0-9]{4})/(?<month>[0-9]{2})/', i: false },
  { pattern: '^/rows/(?:by/[^/]+|all|count)$', i: false },
  { pattern: '/\\.(?!well-known/)', i: false },
  { pattern: '^(.+\\.cgi)(/.+)$', i: false },
  { pattern: '^/~([a-z][-a-z0-9]*)(/.*)?$', i: false },
  { pattern: '^(.*)$', i: false },
  // What nobody may ask
  { pattern: '(<|%3C).*frame.*(>|%3E)', i: true },
  { pattern: '(`|~|\\{|\\}|\\.\\./|\\|)', i: false },
  { pattern: 'base64_(?:en|de)code\\(.*\\)', i: true },
  { pattern: "(?:union|select).*(?:from|into)'?", i: true },
  // Names, clients, methods, media types
  { pattern: '^(?<user>[a-z0-9-]{1,63})\\.pages\\.test$', i: true },
  { pattern: '^(www\\.)?(?<domain>.+)$', i: true },
  { pattern: '(?:curious|greedy)bot', i: true },
  { pattern: 'Browser/[1-4]\\.', i: false },
  { pattern: '^(PUT|PATCH|DELETE)$', i: false },
  { pattern: 'application/(?:ld\\+)?json', i: true },
  { pattern: '^(?:ko|pt)(?:-[A-Z]{2})?\\b', i: false },
  { pattern: '(?:^|;\\s*)beta=1(?:;|$)', i: false },
]
