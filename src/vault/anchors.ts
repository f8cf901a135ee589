import { realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { VaultError } from '../errors.ts'
import type { Anchor } from '../events/catalogue.ts'
import { formatVkey, parseVkey } from '../proofs/vkey.ts'
import type { AnchorState } from './anchoring.ts'
import { type Call, type CallOptions, permitted, recordFact } from './call.ts'
import type { Engine } from './engine.ts'

/** Where checkpoints are to go: a file, best on another machine's disk, or a witness and its vkey. */
export type AnchorPlace =
  | { readonly file: string; readonly witness?: never; readonly vkey?: never }
  | { readonly witness: string; readonly vkey: string; readonly file?: never }

const targetBytesMax = 4096

/**
 * Where checkpoints go besides, so that a rollback of the vault's folder can be told from outside it. Each kept
 * checkpoint is sent to each anchor, off the path of the callers; one that fails says so in `list`, and holds up nothing.
 */
export class Anchors {
  readonly #engine: () => Engine
  readonly #call: (options: CallOptions) => Call

  constructor(engine: () => Engine, call: (options: CallOptions) => Call) {
    this.#engine = engine
    this.#call = call
  }

  /**
   * Each anchor, how much of the log it vouches for, and why the newest checkpoint did not get there. On record where a
   * scope asks.
   */
  async list(options: CallOptions = {}): Promise<readonly AnchorState[]> {
    const { engine, call } = await this.#permitted(options)
    return recorded(engine, call, await engine.anchoring.states())
  }

  /**
   * Adds one, and sends it a checkpoint of now; whether that got there, the state tells. Throws `INVALID`, `EXISTS`.
   *
   * @example
   * await vault.anchors.add({ file: '/mnt/audit/billing.checkpoint' })
   * await vault.anchors.add({ witness: 'https://witness.example/muniment', vkey: 'witness.example+…' })
   */
  async add(place: AnchorPlace, options: CallOptions = {}): Promise<AnchorState> {
    const { engine, call } = await this.#permitted(options)
    const anchor = await readPlace(place, engine.store.location)
    if (engine.anchors.has(anchor.target)) {
      throw new VaultError('EXISTS', `checkpoints go to ${anchor.target} already`)
    }
    await engine.record([{ type: 'anchor.added', subject: '', data: anchor }], call)
    const states = await sendNow(engine)
    const added = states.find(({ target }) => target === anchor.target)
    return added ?? { ...anchor, size: 0 }
  }

  /** No more checkpoints go there; what it holds stays. Throws `NOT_FOUND`. */
  async remove(target: string, options: CallOptions = {}): Promise<void> {
    const { engine, call } = await this.#permitted(options)
    const anchor = engine.anchors.get(target)
    if (anchor === undefined) throw new VaultError('NOT_FOUND', `no checkpoints go to ${target}`)
    await engine.record([{ type: 'anchor.removed', subject: '', data: anchor }], call)
  }

  /** Sends every anchor a checkpoint of now, and waits for what comes of it. On record where a scope asks. */
  async now(options: CallOptions = {}): Promise<readonly AnchorState[]> {
    const { engine, call } = await this.#permitted(options)
    return recorded(engine, call, await sendNow(engine))
  }

  async #permitted(options: CallOptions): Promise<{ engine: Engine; call: Call }> {
    const engine = this.#engine()
    const call = await permitted(engine, this.#call(options), { operation: 'keys', subject: '' })
    return { engine, call }
  }
}

/** What a scope is shown, once that is on record. */
async function recorded(
  engine: Engine,
  call: Call,
  states: readonly AnchorState[],
): Promise<readonly AnchorState[]> {
  if (call.permit !== undefined) {
    const data = { operation: 'keys' as const, count: states.length }
    await recordFact(engine, call, { type: 'secret.inspected', subject: '', data })
  }
  return states
}

async function sendNow(engine: Engine): Promise<readonly AnchorState[]> {
  const checkpoint = await engine.checkpoints.sign({ kept: true })
  engine.anchoring.take(checkpoint)
  await engine.anchoring.settled()
  return engine.anchoring.states()
}

async function readPlace(place: AnchorPlace, location: string): Promise<Anchor> {
  if (place.file !== undefined) {
    return { kind: 'file', target: await readFilePlace(place.file, location) }
  }
  const vkey = parseVkey(place.vkey)
  if (vkey.type !== 'cosignature/v1') {
    throw new VaultError('INVALID', `vkey: expected a witness's, of type 4, found ${vkey.type}`)
  }
  return { kind: 'witness', target: readUrl(place.witness), vkey: formatVkey(vkey) }
}

/** What lies in the vault's own folder goes with it when that is rolled back. */
async function readFilePlace(file: string, location: string): Promise<string> {
  if (typeof file !== 'string' || file === '' || file.includes('\0')) {
    throw new VaultError('INVALID', 'file must be the path of a file')
  }
  const given = resolve(file)
  const folder = await realpath(dirname(given)).catch(() => dirname(given))
  const target = join(folder, basename(given))
  const within = relative(location, target)
  const isOutside = within === '..' || within.startsWith(`..${sep}`) || isAbsolute(within)
  if (!isOutside) {
    throw new VaultError('INVALID', `${target} is in the vault's own folder, and falls with it`)
  }
  return expectShort(target)
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:'
  if (url === undefined || !isWeb || url.username !== '' || url.password !== '') {
    throw new VaultError('INVALID', 'witness must be an http or https URL without credentials')
  }
  return expectShort(url.href.replace(/\/$/, ''))
}

function expectShort(target: string): string {
  if (Buffer.byteLength(target) <= targetBytesMax) return target
  throw new VaultError('TOO_LARGE', `an anchor's target takes at most ${targetBytesMax} bytes`)
}
