/** What may be said of an error that nothing foresees: where it happened, and not what was sent, which a message may quote. */
export interface Thrown {
  readonly name: string
  /** Such as `ENOSPC`. */
  readonly code?: string
  /** The first line of its stack. */
  readonly at?: string
}

export function thrownOf(error: unknown): Thrown {
  if (!(error instanceof Error)) return { name: 'what was thrown is no error' }
  const [, at] = /\n\s+at (.+)/.exec(error.stack ?? '') ?? []
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  // A code is a word of the program that threw; anything else may have been sent.
  const isWord = code !== undefined && /^[A-Z][A-Z0-9_]{0,63}$/.test(code)
  return {
    name: error.name.slice(0, 64),
    ...(isWord && { code }),
    ...(at !== undefined && { at }),
  }
}
