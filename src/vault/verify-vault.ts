import { VaultError } from '../errors.ts'
import {
  eraseKeyring,
  type OwnerKeyring,
  openKeyring,
  parseKeyring,
  type SealedKeyring,
} from '../keys/keyring.ts'
import { root } from '../proofs/tree.ts'
import type { KeyRow } from '../store/port.ts'
import type { Engine } from './engine.ts'
import { readKeyringFile } from './keyring-file.ts'
import { readAnchors, readHead, readNotes } from './verification/beside.ts'
import { collectProblems, type Problems } from './verification/problem.ts'
import type { Claim } from './verification/signed.ts'
import { type Taken, type Verification, type VerifyOptions, verifyTaken } from './verify.ts'

/** Verifies an open vault as it is now, while others go on. */
export async function verifyVault(engine: Engine, options: VerifyOptions): Promise<Verification> {
  const problems = collectProblems()
  const { store, epochs, anchors, anchoring } = engine
  // Read before the size is taken: what was signed or noted by then is of events that were durable by then.
  const claims = await readHead(store.files, { epochs, problems })
  const targets = [...anchors.values()].filter(({ kind }) => kind === 'file')
  const notes = [
    ...(await readNotes(store.files, problems)),
    ...(await readAnchors(targets.map(({ target }) => target))),
    ...(await anchoring.cosigned()).map((bytes) => ({ by: 'anchor' as const, bytes })),
  ]
  const moment = await takeMoment(engine, { problems, signal: options.signal })
  try {
    const taken: Taken = {
      ...moment,
      store,
      claims: [...claims, ...moment.claims],
      notes,
      problems,
    }
    return await verifyTaken(taken, options)
  } finally {
    await moment.letGo()
  }
}

interface Moment {
  readonly keyring: OwnerKeyring
  readonly size: number
  readonly rows: AsyncIterable<KeyRow>
  readonly claims: readonly Claim[]
  /** Of the store's rows, and of keys that were read for this. */
  letGo(): Promise<void>
}

/** Size, keyring and key rows of one moment: taken in the writer, where no change can come between. */
async function takeMoment(
  engine: Engine,
  { problems, signal }: { problems: Problems; signal: AbortSignal | undefined },
): Promise<Moment> {
  const begun: { moment?: Promise<Moment> } = {}
  const prepare = async () => {
    begun.moment = momentOf(engine, problems)
    await begun.moment
  }
  const command = { actor: '', context: {}, aggregate: '', alone: true, prepare }
  try {
    await engine.append({ ...command, decide: () => ({ facts: [] }) }, signal ? { signal } : {})
    if (begun.moment === undefined) throw new RangeError('a command is prepared before it lands')
    return await begun.moment
  } catch (error) {
    // A caller that gave up may have done so meanwhile: nobody else lets go of what was taken.
    void begun.moment?.then(({ letGo }) => letGo()).catch(() => undefined)
    throw error
  }
}

async function momentOf(engine: Engine, problems: Problems): Promise<Moment> {
  const { store, log } = engine
  const read = await readKeyring(engine, problems)
  const rows = store.keys.entries()[Symbol.asyncIterator]()
  // The first that is asked for decides which rows the later ones are.
  const first = await rows.next()
  const { frontier } = log
  const { size } = frontier
  const by = 'the log as it was appended'
  return {
    keyring: read ?? engine.keyring,
    size,
    rows: resumed(first, rows),
    claims: [{ code: 'root', by, size, root: root(frontier) }],
    letGo: async () => {
      if (read !== undefined) eraseKeyring(read)
      await rows.return?.()
    },
  }
}

async function* resumed(
  first: IteratorResult<KeyRow>,
  rows: AsyncIterator<KeyRow>,
): AsyncGenerator<KeyRow, void, void> {
  for (let row = first; row.done !== true; row = await rows.next()) yield row.value
}

/**
 * The keyring as its file has it: what verification goes by, as the next opening will. Where that is no keyring of the
 * vault, or an older one, the vault goes by what it holds.
 */
async function readKeyring(engine: Engine, problems: Problems): Promise<OwnerKeyring | undefined> {
  try {
    const keyring = openWith(engine.roots, await sealedOf(engine))
    const [expected, found] = [engine.keyring.generation, keyring.generation]
    // While it is changed, its file is ahead.
    if (found >= expected) return keyring
    eraseKeyring(keyring)
    throw damaged(`the file is of generation ${found}, expected ${expected}`)
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    problems.add('keyring', error.message)
    return undefined
  }
}

async function sealedOf({ store }: Engine): Promise<SealedKeyring> {
  const bytes = await readKeyringFile(store.files)
  if (bytes === undefined) throw damaged('the file is missing')
  return parseKeyring(bytes)
}

/** Two roots are in question while one replaces the other. */
function openWith(roots: readonly Buffer[], sealed: SealedKeyring): OwnerKeyring {
  let refusal: unknown = damaged('the vault holds no root that could open it')
  for (const R of roots) {
    try {
      const { values, ...keyring } = openKeyring(sealed, { role: 'owner', R })
      if (values !== undefined) return { ...keyring, values }
    } catch (error) {
      refusal = error
    }
  }
  throw refusal
}

function damaged(what: string): VaultError {
  return new VaultError('INTEGRITY', `keyring: ${what}`)
}
