/**
 * Variables that are computed when a request first needs them: `map`, `geo` and `split_clients`. Each is a text of the request, and a value for
 * it. Runs in the gateway; pure.
 *
 * Not here: how `map` and `split_clients` find the value (`maps.ts`, `splits.ts`), and the networks of `geo` (`http/network-table.ts`).
 */
import { bytesOf } from '../../base/bytes.ts'
import { NetworkTable } from '../../http/network-table.ts'
import type { AddressMap, Place, SitesModel } from '../../sites/model.ts'
import type { SiteCompiler } from './compiler.ts'
import { compileMap } from './maps.ts'
import type { Evaluate, Lookup } from './site-request.ts'
import { compileSplit } from './splits.ts'

interface Computed {
  readonly kind: 'map' | 'geo' | 'split'
  readonly name: string
  readonly place: Place
  readonly compile: () => Lookup
}

export function compileComputed({ maps, geos, splits }: SitesModel, compiler: SiteCompiler): void {
  const all: readonly Computed[] = [
    ...maps.map((map): Computed => ({ kind: 'map', ...map, compile: () => compileMap(map, compiler) })),
    ...geos.map((geo): Computed => ({ kind: 'geo', ...geo, compile: () => compileGeo(geo, compiler) })),
    ...splits.map((split): Computed => ({ kind: 'split', ...split, compile: () => compileSplit(split, compiler) })),
  ]
  const compiled = new Map<Computed, Evaluate>()
  // Names come first: one may use another that stands later.
  for (const one of all) {
    compiler.place = one.place
    const problem = compiler.variables.compute(one.name, request => compiled.get(one)!(request))
    if (problem !== null) compiler.report(`this ${problem.problem}`)
  }
  for (const one of all) {
    compiler.place = one.place
    compiled.set(one, traced(one, one.compile()))
  }
}

function traced({ kind, name, place }: Computed, { from, look }: Lookup): Evaluate {
  return request => {
    const text = from(request)
    const value = look(text, request)
    request.trace?.({ kind: 'lookup', of: kind, name, text, value, place })
    return value
  }
}

/** As nginx has it: what is no address, such as the other end of a Unix socket, counts as this one. */
const NO_ADDRESS = '255.255.255.255'

function compileGeo(geo: AddressMap, compiler: SiteCompiler): Lookup {
  const values = Object.entries(geo.networks).map(([network, value]) => [network, bytesOf(value)] as const)
  const table = new NetworkTable(values, bytesOf(geo.default))
  return { from: compiler.template(geo.from), look: text => table.find(text) ?? table.find(NO_ADDRESS)! }
}
