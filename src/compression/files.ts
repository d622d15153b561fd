/** Which files are compressed, each once. Runs in the gateway. Pure. */
import { CODINGS, type Coding } from '../http/accept-encoding.ts'
import type { Compression } from '../sites/model.ts'
import { type IsTypeWanted, typesWanted } from './eligible.ts'

export interface FileCompression {
  /** The one that makes files smallest is the first: it is done once. */
  readonly codings: readonly Coding[]
  readonly isTypeWanted: IsTypeWanted
  /** Bytes. */
  readonly minLength: number
}

/** Null: none are. */
export function fileCompression({ files, codings, types, minLength }: Compression): FileCompression | null {
  if (!files) return null
  return { codings: CODINGS.filter(coding => codings.includes(coding)), isTypeWanted: typesWanted(types), minLength }
}
