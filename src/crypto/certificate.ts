import { X509Certificate } from 'node:crypto'
import type { SecretInput } from '../secret/value.ts'
import { viewOf } from './bytes.ts'

/** What a certificate says of itself. Times are milliseconds since the epoch. */
export interface CertificateFacts {
  readonly expiresAt: number
  readonly notBefore: number
  /** Of the whole certificate, as `openssl x509 -fingerprint -sha256` writes it: `SHA256:AB:CD:…`. */
  readonly fingerprint: string
}

/**
 * Reads a certificate (RFC 5280) out of a value: PEM text (of a chain, the first), DER bytes, or the field
 * `certificate` of fields. Undefined for anything else; never throws.
 */
export function certificateFacts(value: SecretInput): CertificateFacts | undefined {
  const encoded = encodedCertificate(value)
  if (encoded === undefined) return undefined
  try {
    const certificate = new X509Certificate(encoded)
    const expiresAt = Date.parse(certificate.validTo)
    const notBefore = Date.parse(certificate.validFrom)
    if (Number.isNaN(expiresAt) || Number.isNaN(notBefore)) return undefined
    return {
      // Dates of ours begin in 1970; a certificate older than that is as expired at 0.
      expiresAt: Math.max(0, expiresAt),
      notBefore: Math.max(0, notBefore),
      fingerprint: `SHA256:${certificate.fingerprint256}`,
    }
  } catch {
    return undefined
  }
}

function encodedCertificate(value: SecretInput): string | Buffer | undefined {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return viewOf(value)
  const field = value.certificate
  return typeof field === 'string' ? field : undefined
}
