/** What verification can find amiss; each is a check of its own. */
export type ProblemCode =
  /** The store gives no commit there: it is missing, or its bytes are none. */
  | 'unreadable'
  /** Positions are not dense. */
  | 'position'
  /** A commit's length, first bytes or count. */
  | 'header'
  /** Sealed under another epoch than the one of its position, or an epoch that is missing. */
  | 'epoch'
  /** No owner made the commit's MAC, and it opens: who holds the log key wrote it. */
  | 'mac'
  /** A commit that does not open. */
  | 'seal'
  /** An event that is none of the catalogue's, out of bounds or not in its one encoding. */
  | 'event'
  /** An event of a newer release. */
  | 'schema'
  /** An event's id that is not of its time, or not its own. */
  | 'id'
  /** Time that goes back without an owner's word. */
  | 'time'
  /** `vault.created` that is missing, of another vault, or not the first event. */
  | 'created'
  /** `vault.restored` that does not name the log before it. */
  | 'restored'
  /** Generations of the keyring that go back, or that the keyring has not reached. */
  | 'generation'
  /** An epoch that does not begin where the log rotates its keys, or a rotation that begins none. */
  | 'rotation'
  /** Versions that are not dense from 1. */
  | 'version'
  /** An event of a secret that does not name the change before it. */
  | 'chain'
  /** What cannot have happened to a version in the state that it had. */
  | 'state'
  /** One value key for two versions. */
  | 'key-id'
  /** A row of value keys that does not open. */
  | 'key-row'
  /** A version that is not destroyed, whose key is gone. */
  | 'key-missing'
  /** A destroyed version whose key stands in the store. */
  | 'key-back'
  /** A key that belongs to no version, or to one of another commit. */
  | 'key-stray'
  /** The keyring's file is not what the open vault holds. */
  | 'keyring'
  /** The head file is not one that an owner wrote, or names another root. */
  | 'head'
  /** A checkpoint that cannot be read, is of another vault or of another life of it, or out of order. */
  | 'checkpoint'
  /** A checkpoint that the vault's keys did not sign. */
  | 'signature'
  /** A checkpoint that a key signed before or after its time. */
  | 'signer'
  /** A checkpoint's root that is not the log's. */
  | 'root'
  /** A log that ends before what was signed or noted of it. */
  | 'cut'
  /** A checkpoint that an anchor holds, and this log has not passed through. */
  | 'anchor'
  /** The checkpoint that the caller remembers is of another log, or by another key. */
  | 'against'
  /** Roots that nothing can be compared with, behind a damaged commit. Said once. */
  | 'unproved'
  /** There are more problems than are listed. */
  | 'more'

/** Plain JSON. No message holds a value, a key or a path. */
export interface Problem {
  readonly code: ProblemCode
  /** The position, or the size, that it is about. */
  readonly position?: number
  readonly message: string
}

/** Takes problems in, and keeps a bounded number of them. */
export interface Problems {
  readonly found: readonly Problem[]
  add(code: ProblemCode, message: string, position?: number): void
}

/** A log in ruins has a problem a commit: who reads the list needs no more of them than this. */
const problemsMax = 1000

export function collectProblems(): Problems {
  const found: Problem[] = []
  return {
    found,
    add: (code, message, position) => {
      if (found.length > problemsMax) return
      if (found.length === problemsMax) {
        found.push({ code: 'more', message: `there are more than ${problemsMax} problems` })
        return
      }
      found.push({ code, ...(position !== undefined && { position }), message })
    },
  }
}
