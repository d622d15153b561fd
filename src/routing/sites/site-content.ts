/**
 * What is at the end of a request's way through a site: the seam between the phases, which decide, and `gateway/sites/`, which answers.
 * Types only.
 */
import type { Exchange } from '../../http/exchange.ts'
import type { AskedForAccess } from './access.ts'
import type { LookAt, SiteRequest } from './site-request.ts'

/** What goes on within the call, or later. */
export type Outcome = void | Promise<void>

/** What is at the end of the way. */
export interface SiteContent extends Pick<AskedForAccess, 'authenticate'> {
  /** From now on the request has a line in the logs of the location where it ends. What answers says so too, and again is the same. */
  readonly followLogs: (request: SiteRequest) => void
  /** Gives the request to an application. `request.exchange.request` has the path that it sees. */
  readonly toApplication: (request: SiteRequest, name: string, orders: ApplicationOrders) => Outcome
  /** Passes the request on to the upstream of its location. */
  readonly toProxy: (request: SiteRequest, orders: ApplicationOrders) => Outcome
  /** Whether `uri` names one below the location's directory. `uri`: begins with a slash; bytes. */
  readonly exists: (request: SiteRequest, uri: string, what: 'file' | 'directory') => boolean | Promise<boolean>
  /** For the conditions of steps: any name of the machine. */
  readonly lookAt: LookAt
  /** Answers with the file that `request.uri` names, if there is one. */
  readonly serveFile: (request: SiteRequest) => Served | Promise<Served>
  /** Answers with a list of what is in the directory that `request.uri` names. */
  readonly listDirectory: (request: SiteRequest) => Served | Promise<Served>
  /** Answers with what the connections of the program do. */
  readonly showStatus: (request: SiteRequest, form: 'text' | 'json') => void
  /** Answers with these words. */
  readonly respond: (request: SiteRequest, status: number, text: string) => void
  /** Answers with a redirect. `url`: all of it is safe in a header. */
  readonly redirect: (request: SiteRequest, status: number, url: string) => void
  /** Answers a preflight of CORS. */
  readonly permit: (request: SiteRequest, headers: readonly string[]) => void
  /** Answers with a page of our own. The error comes back to `errorPage` first. */
  readonly refuse: (exchange: Exchange, error: Error) => void
  /** Called before anything but an application answers: for what the location adds to every response. */
  readonly beforeAnswer: (request: SiteRequest) => void
  /** Makes a request for this one: a GET of `uri` (bytes) without content. `ended`: it is answered; rejects if the client has gone. */
  readonly open: (request: SiteRequest, uri: string) => { readonly exchange: Exchange; readonly ended: Promise<void> }
  /** The application that had the request answers it no more: from now on another one does. */
  readonly leave: (request: SiteRequest) => void
}

/** What a path turned out to be on the disk. `read-only`: it is there, and the method is another than GET and HEAD. */
export type Served = 'answered' | 'directory' | 'missing' | 'read-only'

/** What an application's response may lead to. */
export interface ApplicationOrders {
  /** X-Accel-Redirect. `target`: a path with a query, or `@name`, as the application gave it. */
  readonly redirect: (request: SiteRequest, target: string) => void
  /** A local redirect of a script: as if a client had asked for this path and query, so no internal location is reached. */
  readonly redirectAsClient: (request: SiteRequest, target: string) => void
  /** The site has a page for the error, and shall use it. */
  readonly hasErrorPage: (request: SiteRequest, status: number) => boolean
  readonly showErrorPage: (request: SiteRequest, status: number) => void
}
