/** A site that can be written for nginx and for Jumak, and requests for it. What `generate.ts` makes. */

export interface SpecStep {
  readonly kind: 'rewrite' | 'return' | 'set' | 'break' | 'if'
  readonly from?: string
  readonly to?: string
  readonly flag?: 'last' | 'break' | 'redirect' | 'permanent'
  readonly status?: number
  readonly text?: string
  readonly name?: string
  readonly value?: string
  readonly condition?: string
  readonly steps?: readonly SpecStep[]
}

export interface SpecAccess {
  readonly access?: readonly string[]
  readonly satisfy?: 'any' | 'all'
  /** Realm, or `off`; the file of passwords is `USERS` (`access.ts`). */
  readonly basic?: string
  /** Path that is asked, or `off`. */
  readonly request?: string
  readonly secureLink?: readonly [link: string, md5: string]
  readonly referers?: readonly string[]
}

export interface SpecSettings extends SpecAccess {
  readonly index?: readonly string[]
  readonly headers?: readonly (readonly [string, string, 'always' | ''])[]
  readonly expires?: string
  readonly errorPage?: readonly string[]
  readonly defaultType?: string
  readonly charset?: string
  readonly absoluteRedirect?: boolean
  readonly ifModifiedSince?: 'off' | 'exact' | 'before'
  readonly limitRate?: string
  readonly tryFiles?: readonly string[]
  readonly root?: string
}

export interface SpecLocation extends SpecSettings {
  readonly match: string
  readonly internal?: boolean
  readonly app?: boolean
  readonly alias?: string
  readonly limitExcept?: { readonly methods: string; readonly access: readonly string[] }
  readonly steps: readonly SpecStep[]
  readonly locations: readonly SpecLocation[]
}

export interface SpecSite extends SpecSettings {
  readonly name: string
  readonly mergeSlashes?: boolean
  readonly steps: readonly SpecStep[]
  readonly locations: readonly SpecLocation[]
}

export interface SpecRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly target: string
  /** Of Authorization. */
  readonly authorization?: string
  readonly referer?: string
  /** If-Modified-Since; undefined: none. */
  readonly since?: string
}

export interface Case {
  readonly site: SpecSite
  readonly requests: readonly SpecRequest[]
}
