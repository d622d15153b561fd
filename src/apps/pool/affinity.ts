/** What affinity is: how an application's clients are known again, and what a pool knows of one. `homes.ts` does it. */

import type { ApplicationRoot } from '../../http/application-root.ts'

/** How an application knows its clients again; null: it need not. `key`: 32 secret bytes. */
export type PoolAffinity =
  | null
  | {
      readonly kind: 'cookie'
      /** Of the cookie. */
      readonly name: string
      /** Of the application. A cookie of another one counts as none. */
      readonly app: string
      /** Where the application is now. HUP may move it. */
      readonly root: () => ApplicationRoot
      /** Survives restarts of the program. */
      readonly key: Buffer
    }
  | { readonly kind: 'address'; readonly key: Buffer }
  /** `name`: in lower case. */
  | { readonly kind: 'header'; readonly name: string; readonly key: Buffer }

/** Who sends a call. */
export interface Client {
  readonly key: string
  /** Number of the worker that it belongs to; 0: none yet. */
  worker: number
  /** Any worker will do: it belongs to the one that answers. */
  readonly isNew: boolean
  /** The Set-Cookie that its response must carry; null: none. For a moment at which `exchange.servedBy` is known. */
  setCookie: (() => string | null) | null
}
