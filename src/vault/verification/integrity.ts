/** A refusal of a store that says its bytes are not what they should be. */
export interface IntegrityFault {
  readonly message: string
  readonly expected?: unknown
  readonly found?: unknown
}

/** The same if it is one, and thrown on otherwise. Stores tell refusals by code, whatever class of error they throw. */
export function integrityOf(error: unknown): IntegrityFault {
  if (error instanceof Error && 'code' in error && error.code === 'INTEGRITY') return error
  throw error
}
