/** Variables that all sites here have: `map`, `geo` and `split_clients`. They look at the query, in which a request may say anything. */
import { Random } from '../fuzz/random.ts'

const random = new Random(7)

/** Few bits are used, so that networks contain each other and addresses are near their ends. */
export function randomIPv4(from: Random): string {
  const byte = () => [0, 1, 2, 127, 128, 255][from.below(6)]!
  return `${[10, 10, 11, 192, 0, 255][from.below(6)]}.${byte()}.${byte()}.${byte()}`
}

export function randomIPv6(from: Random): string {
  const group = () => ['0', '1', '8000', 'ffff', 'abcd'][from.below(5)]!
  return `2001:db8:${group()}:${group()}::${group()}`
}

/** Without `bits` below the address's own: nginx warns of those. */
function network(): readonly [network: string, value: string] {
  const bits = [0, 7, 8, 9, 12, 16, 17, 23, 24, 25, 31, 32][random.below(12)]!
  const value = `n${random.below(50)}`
  if (random.below(4) === 0) return [`${randomIPv6(random)}/${[32, 33, 40, 48, 64, 127, 128][random.below(7)]!}`, value]
  return [random.below(5) === 0 ? randomIPv4(random) : `${randomIPv4(random)}/${bits}`, value]
}

export const NETWORKS: Readonly<Record<string, string>> = {
  default: 'far',
  ...Object.fromEntries(Array.from({ length: 150 }, network)),
}

export const PARTS = ['0.01% rare', '12.5% one', '33.33% two', '0.9% three', '20% four'] as const

export const MAP: Readonly<Record<string, string>> = {
  default: 'other-$arg_q',
  '1': 'one',
  'A+b': 'sum',
  '~^x(?<tail>.*)$': 'x then $tail',
  '~*^Y': 'any y',
}

/** For a query: `ip` is looked up among the networks, `q` in the map; both are hashed. */
export function randomQuery(from: Random): string {
  const ip = [
    () => randomIPv4(from),
    () => randomIPv4(from),
    () => randomIPv6(from),
    () => `::ffff:${randomIPv4(from)}`,
    () => ['', 'unix:', '1.2.3', '10.0.0.1.', '::', '255.255.255.255'][from.below(6)]!,
  ][from.below(5)]!()
  return `?ip=${ip}&q=${['1', 'a+b', 'xyz', 'YES', '', `${from.below(1_000_000)}`][from.below(6)]}`
}

/** All of them in one text. */
export const VARIABLES = '$net $part $mapped'
