import type { ClientCertificate } from '../http/tls-facts.ts'
export function clientCertificate(_s: unknown, _c: unknown): ClientCertificate {
  return { verify: 'NONE', variables: [], pem: '', subject: '' }
}
