/** JSON as it is sent. Of a text the framework would say that it is UTF-8, for which JSON has no parameter (RFC 8259 §11). */
export function jsonBytes(content: unknown): Buffer {
  return Buffer.from(JSON.stringify(content))
}
