/** What is known of the TLS connection on which a request comes: for applications, for the log, and for rules on client certificates. */

export interface TlsFacts {
  readonly protocol: 'TLSv1.2' | 'TLSv1.3'
  /** OpenSSL's name: `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string
  /** The name that the client asked for (SNI, RFC6066§3): lower case, no dot at its end. Empty: none. */
  readonly serverName: string
  /** As ALPN agreed (RFC7301): `http/1.1`; empty: the client did not offer. */
  readonly alpn: string
  readonly isResumed: boolean
  /** Names with the same policy have the same TLS settings and the same rules for client certificates. */
  readonly policy: string
  /** Null: clients are not asked for a certificate. */
  readonly client: ClientCertificate | null
}

export interface ClientCertificate {
  /** SUCCESS: there is a certificate, and it is right. NONE: there is none. FAILED: why it is not right, as in `FAILED:certificate has expired`. */
  readonly verify: 'SUCCESS' | 'NONE' | `FAILED:${string}`
  /** As mod_ssl names them: `[name, value, …]`, latin-1, `SSL_CLIENT_VERIFY` first. Computed once for a connection, when it is first asked for. */
  readonly variables: readonly string[]
  /** PEM of the certificate. Empty: there is none. */
  readonly pem: string
  /** Of the certificate's owner, as RFC4514: `CN=anna,O=Jumak`. Empty: there is none. */
  readonly subject: string
}
