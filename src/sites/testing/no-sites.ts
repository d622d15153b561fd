/** A model without anything: tests say only what they are about. */
import type { SitesModel } from '../model.ts'

export const NO_SITES: SitesModel = {
  sites: [],
  maps: [],
  geos: [],
  splits: [],
  passwordFiles: [],
  limits: [],
  logs: [],
  upstreams: [],
  upstreamTls: [],
  cgiPrograms: [],
}
