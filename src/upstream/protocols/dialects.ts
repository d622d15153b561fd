/** Which dialect an upstream speaks. The others than HTTP are loaded where a location names them. */
import { loadNow } from '../../base/load-now.ts'
import type { Upstream } from '../../sites/upstream-model.ts'
import type { Dialect } from './dialect.ts'
import { http1 } from './http1.ts'

export function dialectOf({ protocol, keepalive }: Upstream): Dialect {
  switch (protocol) {
    case 'http':
      return http1
    case 'fastcgi':
      return loadNow<typeof import('./fastcgi.ts')>(import.meta, './fastcgi').fastcgi(keepalive > 0)
    case 'cgi':
      return loadNow<typeof import('./cgi.ts')>(import.meta, './cgi').cgi
    case 'scgi':
      return loadNow<typeof import('./scgi.ts')>(import.meta, './scgi').scgi
    case 'uwsgi':
      return loadNow<typeof import('./uwsgi.ts')>(import.meta, './uwsgi').uwsgi
  }
}
