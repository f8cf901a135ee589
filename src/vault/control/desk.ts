import { sha256 } from '../../crypto/hash.ts'
import { randomKey } from '../../crypto/random.ts'
import { VaultError } from '../../errors.ts'
import type { KeyslotRole, Root } from '../../keys/keyslot.ts'
import { recordFact } from '../call.ts'
import type { Calls } from '../calls.ts'
import type { Engine } from '../engine.ts'
import type { Session } from '../session.ts'
import type { OperatedVault } from './called.ts'
import { faultLine } from './faults.ts'
import { type AnsweredKey, Operator, type Reply, type Request } from './operator.ts'
import { type Encounter, freshNonce, holds, nonceBytes, proofOf } from './proof.ts'

/** What the desk of a vault is made of. */
export interface DeskParts {
  readonly session: Session
  /** Of the host. */
  readonly calls: Calls
  /** The vault as those calls have it. */
  readonly vaultFor: (calls: Calls) => OperatedVault
}

/** The beginning of an encounter: what a client is to prove itself against, once. */
export interface Greeting {
  readonly nonce: Buffer
}

/** What a client says of itself, bytes in hexadecimal digits. */
export interface Claim {
  readonly nonce: string
  readonly slot: string
  readonly role: string
  readonly proof: string
  /** Who acts: recorded as claimed. */
  readonly actor: string
  /** Milliseconds after which a call gives up. */
  readonly timeout: number
}

/** What comes of a claim: what is sent of it, and whoever was let in by it. */
export interface Entry {
  readonly text: string
  readonly operator?: Operator
}

const operatorsMax = 64
/** What a peer on a Unix socket has in place of an address. */
const source = 'local'

/** Where operators come to an open vault: it lets in whoever proves that he can open a keyslot. */
export class ControlDesk {
  readonly #parts: DeskParts
  readonly #used = new WeakSet<Greeting>()
  /** By the hash of what they show, so that looking one up tells nothing of it. */
  readonly #operators = new Map<string, Operator>()
  readonly #changes: { unsubscribe(): void }
  #closed = false

  constructor(parts: DeskParts) {
    this.#parts = parts
    this.#changes = parts.session.heads.subscribe(() => this.#endRemoved())
  }

  /** A greeting, and what is sent of it: which vault this is, and what is to be proved. */
  hello(): { readonly text: string; readonly greeting: Greeting } {
    const greeting = { nonce: freshNonce() }
    return { greeting, text: textOr(() => this.#helloText(greeting)) }
  }

  /**
   * Lets somebody in whose proof holds; that he came is on record. What is sent has what he shows with each call, and the
   * proof that the vault holds the same key; or why he is not let in: `WRONG_KEY`, recorded as `auth.failed`, `INVALID`,
   * `TOO_LARGE` where too many are in, `CLOSED`, `FAILED`.
   */
  async enter(greeting: Greeting, claim: Claim): Promise<Entry> {
    try {
      return await this.#enter(greeting, claim)
    } catch (error) {
      return { text: faultLine(error) }
    }
  }

  async #enter(greeting: Greeting, claim: Claim): Promise<Entry> {
    const opened = this.#opened(this.#engine(), greeting, claim)
    if (opened === undefined) {
      await this.refused()
      throw new VaultError('WRONG_KEY', 'the proof of the keyslot does not hold')
    }
    this.#expectRoom()
    const { encounter, root } = opened
    const { role, slot } = encounter
    const { actor, timeout } = claim
    const calls = this.#parts.calls.operator({ actor, slot, timeout })
    const proof = proofOf('server', root, encounter).toString('hex')
    const vault = this.#parts.vaultFor(calls)
    const operator = new Operator({ role, slot, calls, vault })
    await recordEntry(calls, slot)
    this.#parts.session.failures.succeeded(source)
    return { text: JSON.stringify({ token: this.#admit(operator), proof }), operator }
  }

  /** Records that somebody had no credential that opens a keyslot, and holds his answer back; many are counted together. */
  async refused(): Promise<void> {
    const failure = { method: 'keyslot', cause: 'unknown', source } as const
    // What the log does not take must not keep from him why he failed.
    await this.#parts.session.failures.take(failure).catch(() => undefined)
  }

  /** Does what whoever shows this asks for. All that comes of it goes to the reply, a failure too. */
  async call(token: string, request: Request, reply: Reply): Promise<void> {
    const operator = this.#operators.get(nameOf(token))
    if (operator === undefined) await reply.line(faultLine(gone()))
    else await operator.call(request, reply)
  }

  /** Takes a key that a call of whoever shows this asked for. Throws `CLOSED`, `NOT_FOUND`. */
  key(token: string, { ask, answer }: AnsweredKey): void {
    const operator = this.#operators.get(nameOf(token))
    if (operator === undefined) throw gone()
    operator.take(ask, answer)
  }

  /** Lets nobody in any more, and waits for what is under way, but for what may take long, which ends here. */
  async close(): Promise<void> {
    this.#closed = true
    this.#changes.unsubscribe()
    const all = [...this.#operators.values()]
    await Promise.all(all.map((operator) => operator.close('the vault is closed')))
  }

  /** A keyslot that is taken away ends what it gave. */
  #endRemoved(): void {
    const { keyslots } = this.#parts.session.current.state.lifecycle.fold.state
    for (const operator of this.#operators.values()) {
      if (!keyslots.has(operator.slot)) void operator.close('the keyslot was removed')
    }
  }

  #helloText({ nonce }: Greeting): string {
    const { vaultId } = this.#engine().keyring
    return JSON.stringify({ vault: vaultId.toString('hex'), nonce: nonce.toString('hex') })
  }

  #expectRoom(): void {
    if (this.#operators.size < operatorsMax) return
    throw new VaultError('TOO_LARGE', `${operatorsMax} operators are in already`, {
      expected: operatorsMax,
    })
  }

  #admit(operator: Operator): string {
    if (this.#closed) throw closed()
    // Others may have come in while his coming was put on record.
    this.#expectRoom()
    const token = randomKey().toString('hex')
    const name = nameOf(token)
    this.#operators.set(name, operator)
    operator.ended.addEventListener('abort', () => this.#operators.delete(name), { once: true })
    // It may have been taken away while his coming was put on record.
    this.#endRemoved()
    return token
  }

  #engine(): Engine {
    if (this.#closed) throw closed()
    return this.#parts.session.engine()
  }

  /** What the claimed keyslot wraps, if the claim proves it. */
  #opened(
    { keyring, roots }: Engine,
    greeting: Greeting,
    claim: Claim,
  ): { readonly encounter: Encounter; readonly root: Root } | undefined {
    const clientNonce = Buffer.from(claim.nonce, 'hex')
    if (clientNonce.length !== nonceBytes)
      throw new VaultError('INVALID', 'nonce: expected 32 bytes')
    if (this.#used.has(greeting)) return undefined
    this.#used.add(greeting)
    const slot = keyring.slots.find(({ id, role }) => id === claim.slot && role === claim.role)
    if (slot === undefined) return undefined
    const { vaultId } = keyring
    const { role, id } = slot
    const encounter = { nonce: greeting.nonce, clientNonce, vaultId, slot: id, role }
    const proof = Buffer.from(claim.proof, 'hex')
    const root = rootsOf(role, { roots, A: keyring.values.A }).find((each) =>
      holds(proof, { end: 'client', root: each, encounter }),
    )
    return root && { encounter, root }
  }
}

/** Two roots of owners are in question while one replaces the other. */
function rootsOf(
  role: KeyslotRole,
  { roots, A }: { readonly roots: readonly Buffer[]; readonly A: Buffer },
): readonly Root[] {
  return role === 'auditor' ? [{ role, A }] : roots.map((R) => ({ role, R }))
}

/** What an opening of the vault leaves, he leaves as well: a record of his coming. */
async function recordEntry(calls: Calls, slot: string): Promise<void> {
  const data = { method: 'keyslot', slot } as const
  await calls.run({}, (call, engine) =>
    recordFact(engine, call, { type: 'auth.succeeded', subject: '', data }),
  )
}

function nameOf(token: string): string {
  return sha256(Buffer.from(token)).toString('hex')
}

function textOr(text: () => string): string {
  try {
    return text()
  } catch (error) {
    return faultLine(error)
  }
}

function gone(): VaultError {
  return new VaultError('CLOSED', 'nobody has come in with this token, or he has gone')
}

function closed(): VaultError {
  return new VaultError('CLOSED', 'the vault is closed')
}
