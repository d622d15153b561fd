/** Reads what `wire/scope.ts` writes, in the plainest way. */

export interface Scope {
  readonly type: string
  /** `version scheme clientPort clientAddress serverPort rootPath serverAddress` */
  readonly connection: string
  readonly method: string
  /** Names and values in turn; x-request-id is the first. */
  readonly headers: readonly string[]
  readonly query: string
  readonly rawPath: string
  /** Decoded as UTF-8. */
  readonly path: string
}

/** `bytes`: u32 headLength · u32 namesLength · names · values. */
export function readScope(bytes: Buffer): Scope {
  const [end, namesEnd] = [8 + bytes.readUInt32LE(0), 8 + bytes.readUInt32LE(4)]
  if (end > bytes.length || namesEnd > end) throw new Error('a head that is longer than its frame')
  const [type, ...names] = bytes.toString('latin1', 8, namesEnd).split('\0')
  const values = bytes.toString('latin1', namesEnd, end).split('\0')
  const [connection, method, ...rest] = values
  const headers = names.flatMap((name, i) => [name, rest[i]!])
  const [query, rawPath, ...path] = rest.slice(names.length)
  return {
    type: type!,
    connection: connection!,
    method: method!,
    headers,
    query: query!,
    rawPath: rawPath!,
    path: Buffer.from(path.join('\0'), 'latin1').toString('utf8'),
  }
}
