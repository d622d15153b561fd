/** What connections do, and how many requests there were: of one event loop of the gateway, or of several. Pure. */

export interface Traffic {
  /** Connections that were accepted, closed ones included. */
  readonly accepted: number
  readonly requests: number
  /** Connections that are open, by what they do. The first bytes or a part of a request have come. */
  readonly reading: number
  /** A request runs, or an answer is being sent. */
  readonly writing: number
  /** For a next request. */
  readonly waiting: number
}

export const NO_TRAFFIC: Traffic = { accepted: 0, requests: 0, reading: 0, writing: 0, waiting: 0 }

export function addTraffic(one: Traffic, other: Traffic): Traffic {
  return {
    accepted: one.accepted + other.accepted,
    requests: one.requests + other.requests,
    reading: one.reading + other.reading,
    writing: one.writing + other.writing,
    waiting: one.waiting + other.waiting,
  }
}
