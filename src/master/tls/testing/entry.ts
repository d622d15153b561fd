/** Entries of TLS as the settings give them, for tests. */
import type { TlsEntry } from '../../../config/types.ts'

export interface Files {
  readonly certificate: string
  readonly key: string
}

/** That of the flat settings, with every default. */
export function testEntry(files: readonly Files[], changes: Partial<TlsEntry> = {}): TlsEntry {
  return {
    origin: 'tls-cert',
    certificates: files.map(({ certificate, key }) => ({ certificate, key, staple: null })),
    keyPasswordFile: null,
    keyPassword: null,
    names: [],
    isDefault: true,
    minVersion: 'TLSv1.2',
    ciphers: null,
    clients: null,
    ...changes,
  }
}
