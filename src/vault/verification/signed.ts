import { viewOf } from '../../crypto/bytes.ts'
import { publicKeyOf } from '../../crypto/ed25519.ts'
import { VaultError } from '../../errors.ts'
import { type Checkpoint, parseCheckpoint } from '../../proofs/checkpoint.ts'
import { type Note, parseNote, verifyNote } from '../../proofs/note.ts'
import { isOriginOf } from '../../proofs/origin.ts'
import { type Frontier, root } from '../../proofs/tree.ts'
import { vkeyOf } from '../../proofs/vkey.ts'
import type { LentKeys } from './lent-keys.ts'
import type { LifecycleCheck } from './lifecycle.ts'
import type { ProblemCode, Problems } from './problem.ts'
import { hex, type Introduced } from './rotations.ts'

/** What somebody says of the log, besides the checkpoints that stand beside it. */
export interface Claim {
  /** The problem that it makes where the log is another. */
  readonly code: Extract<ProblemCode, 'head' | 'root' | 'anchor' | 'against'>
  /** Who says it, as messages name it. */
  readonly by: string
  readonly size: number
  readonly root: Uint8Array
}

/** A signed note: kept or at rest beside the log, or held by an anchor. */
export interface FoundNote {
  readonly by: keyof typeof holders
  readonly bytes: Uint8Array
}

const holders = {
  kept: 'a kept checkpoint',
  rest: 'the checkpoint at rest',
  anchor: "an anchor's checkpoint",
} as const

export interface SignedCheck {
  /** The log was read up to `end`, whose tree is this one, unless a commit before it could not be read. */
  reached(end: number, tree: Frontier | undefined): void
  end(size: number): void
  /** Size of the largest checkpoint that holds. */
  readonly signed: number
  /** Size up to which somebody outside the vault vouches. */
  readonly anchored: number
  /** How many checkpoints hold. */
  readonly checkpoints: number
  /** Sizes that were claimed of what cannot be compared. */
  readonly unproved: number
}

/** A claim, or a checkpoint with its note. */
interface Statement extends Claim {
  readonly checkpoint?: Checkpoint & { readonly note: Note; readonly kept: boolean }
}

/** Holds what was signed and noted of the log against the tree that its events make. */
export function checkSigned(
  about: { readonly notes: readonly FoundNote[]; readonly claims: readonly Claim[] },
  { keys, lifecycle, problems }: { keys: LentKeys; lifecycle: LifecycleCheck; problems: Problems },
): SignedCheck {
  const checkpoints = about.notes.flatMap((note) => readNote(note, keys, problems))
  expectAscending(checkpoints, problems)
  const left: Statement[] = [...checkpoints, ...about.claims].sort((a, b) => a.size - b.size)
  const signatures = checkSignatures({ keys, lifecycle, problems })
  const counted = { signed: 0, anchored: 0, checkpoints: 0, unproved: 0 }

  const isLogs = ({ code, by, size, root: claimed }: Statement, tree: Frontier): boolean => {
    if (tree.size === size && root(tree).equals(claimed)) return true
    const found = tree.size === size ? 'other events' : 'no commit that ends there'
    problems.add(code, `${by} is of size ${size}, where the log has ${found}`, size)
    return false
  }
  const judge = (statement: Statement, tree: Frontier | undefined) => {
    const { checkpoint, code, size } = statement
    const verified = checkpoint && signatures(checkpoint)
    if (tree === undefined) {
      counted.unproved++
      return
    }
    if (!isLogs(statement, tree)) return
    if (code === 'against') counted.anchored = Math.max(counted.anchored, size)
    if (verified === undefined) return
    counted.signed = Math.max(counted.signed, size)
    const isAnchored = verified.cosigned || code === 'anchor'
    if (isAnchored) counted.anchored = Math.max(counted.anchored, size)
    if (code !== 'anchor') counted.checkpoints++
  }

  return {
    reached: (end, tree) => {
      for (let next = left[0]; next !== undefined && next.size <= end; next = left[0]) {
        left.shift()
        judge(next, tree)
      }
    },
    end: (size) => {
      for (const { by, size: claimed } of left) {
        if (claimed <= size) counted.unproved++
        else problems.add('cut', `the log ends at ${size}, and ${by} is of size ${claimed}`, size)
      }
    },
    get signed() {
      return counted.signed
    },
    get anchored() {
      return counted.anchored
    },
    get checkpoints() {
      return counted.checkpoints
    },
    get unproved() {
      return counted.unproved
    },
  }
}

type SignedStatement = Required<Statement>

function readNote(
  { by, bytes }: FoundNote,
  { vaultId }: LentKeys,
  problems: Problems,
): SignedStatement[] {
  const what = holders[by]
  try {
    const note = parseNote(bytes)
    const { origin, size, root: claimed } = parseCheckpoint(note.text)
    if (!isOriginOf(vaultId, origin)) {
      problems.add('checkpoint', `${what} is of another vault`, size)
      return []
    }
    const checkpoint = { origin, size, root: claimed, note, kept: by === 'kept' }
    const code = by === 'anchor' ? 'anchor' : 'root'
    return [{ code, by: what, size, root: claimed, checkpoint }]
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    problems.add('checkpoint', `${what} cannot be read: ${error.message}`)
    return []
  }
}

function expectAscending(checkpoints: readonly SignedStatement[], problems: Problems): void {
  const sizes = checkpoints.filter(({ checkpoint }) => checkpoint.kept).map(({ size }) => size)
  for (const [i, size] of sizes.entries()) {
    const before = i === 0 ? -1 : (sizes[i - 1] ?? -1)
    if (size > before) continue
    problems.add('checkpoint', `a kept checkpoint of ${size} stands behind one of ${before}`, size)
  }
}

/** Verifies the signatures of checkpoints, given in the order of their sizes, each once the log was read so far. */
function checkSignatures(about: { keys: LentKeys; lifecycle: LifecycleCheck; problems: Problems }) {
  const { keys, lifecycle, problems } = about
  const known = keys.signers.map(({ publicKey }) => publicKeyOf(viewOf(publicKey)))
  /** Signing keys that a kept checkpoint has covered the introduction of. */
  let covered = 1

  return ({ origin, size, note, kept }: SignedStatement['checkpoint']) => {
    const own = known.map((key) => vkeyOf(origin, key))
    try {
      const verified = verifyNote(note, [...own, ...lifecycle.witnesses])
      const signers = verified
        .filter(({ vkey }) => own.includes(vkey))
        .map(({ vkey }) => hex(vkey.publicKey))
      if (signers.length === 0) throw new VaultError('INTEGRITY', 'no key of the vault signed it')
      if (lifecycle.origin !== undefined && lifecycle.origin !== origin) {
        problems.add('checkpoint', `a checkpoint of ${size} is of another life of the vault`, size)
        return undefined
      }
      const introduced = lifecycle.signers.filter(({ from }) => from <= size)
      const fault = signerFault(introduced, { signers, covered })
      if (kept) covered = Math.max(covered, introduced.length)
      if (fault === undefined) return { cosigned: signers.length < verified.length }
      problems.add('signer', `a checkpoint of ${size} ${fault}`, size)
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      problems.add('signature', `a checkpoint of ${size}: ${error.message}`, size)
    }
    return undefined
  }
}

/**
 * A checkpoint is signed by the key that the log names last, by none that it names only later, and the first that covers
 * a rotation by the keys of before and after.
 */
function signerFault(
  introduced: readonly Introduced[],
  { signers, covered }: { signers: readonly string[]; covered: number },
): string | undefined {
  const names = introduced.map(({ publicKey }) => publicKey)
  if (signers.some((signer) => !names.includes(signer))) {
    return 'is signed by a key that the log names only later'
  }
  if (!signers.includes(names.at(-1) ?? '')) return 'is signed by a key that was replaced before it'
  const owed = names.slice(Math.min(covered, names.length) - 1)
  if (owed.every((name) => signers.includes(name))) return undefined
  return 'is the first with a new signing key, and the one before has not signed it'
}
