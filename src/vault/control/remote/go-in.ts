import { Agent, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { VaultError } from '../../../errors.ts'
import type { SealedKeyring } from '../../../keys/keyring.ts'
import type { Root } from '../../../keys/keyslot.ts'
import { openSlots, type Unlock } from '../../../keys/unlock.ts'
import { readKeyring } from '../../locked-keyslots.ts'
import type { ControlledVault } from '../controlled-vault.ts'
import { unpackedFault } from '../faults.ts'
import { type Encounter, freshNonce, holds, nonceBytes, proofOf } from '../proof.ts'
import { socketPathOf, unserved } from '../socket-path.ts'
import { Connection, post, type Way } from './connection.ts'
import { remoteVault } from './remote-vault.ts'

export interface OpenControlOptions {
  /** The folder of the vault. */
  readonly path: string
  /** Opens one of its keyslots, an owner's or an auditor's. */
  readonly unlock: Unlock
  /** Who acts: recorded as claimed. */
  readonly actor: string
  /** Milliseconds after which a call gives up; 5,000 unless said. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}

const timeoutDefaultMs = 5_000
/** A process that serves a vault greets at once; one that is stopped does not. */
const helloMsMax = 5_000
/** Node clamps longer timers to 1 ms. */
const timerMsMax = 2 ** 31 - 1

/** Goes in at the socket of a vault's folder. Throws as `openControl` does. */
export async function goIn(folder: string, options: OpenControlOptions): Promise<ControlledVault> {
  // One connection: what is proved is what was asked for on it.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const way: Way = { path: socketPathOf(folder), agent }
  try {
    const hello = await greet(way, folder, options.signal)
    const { encounter, root } = await prepare(way, { folder, hello, unlock: options.unlock })
    try {
      return await enter(way, { folder, encounter, root, options })
    } finally {
      keyOf(root).fill(0)
    }
  } catch (error) {
    way.agent.destroy()
    throw error
  }
}

/** Which vault it is, and what is to be proved. */
interface Hello {
  readonly vaultId: Buffer
  readonly nonce: Buffer
}

async function greet(way: Way, folder: string, signal: AbortSignal | undefined): Promise<Hello> {
  const step = { folder, signal, msMax: helloMsMax }
  const { vault, nonce } = (await ask(way, 'hello', { body: {}, ...step })).said
  return { vaultId: bytesOf(vault, 16), nonce: bytesOf(nonce, nonceBytes) }
}

interface Step {
  readonly folder: string
  readonly body: object
  readonly signal: AbortSignal | undefined
  /** Milliseconds until it is given up. */
  readonly msMax: number
}

interface Answered {
  /** What its first line says. */
  readonly said: Readonly<Record<string, unknown>>
  readonly answer: IncomingMessage
}

/** Takes one step. Time and signal are about that step: an answer that is held goes on without them. */
async function ask(
  way: Way,
  route: string,
  { folder, body, signal, msMax }: Step,
): Promise<Answered> {
  const ending = new AbortController()
  const end = () => ending.abort()
  const limit = setTimeout(end, msMax)
  signal?.addEventListener('abort', end, { once: true })
  if (signal?.aborted === true) end()
  try {
    const answer = await post(way, route, { body, signal: ending.signal })
    return { said: await firstLine(answer), answer }
  } catch (error) {
    if (signal?.aborted === true) {
      throw new VaultError('ABORTED', 'the caller aborted', { cause: signal.reason })
    }
    throw stepFailure(error, { folder, msMax, isLate: ending.signal.aborted })
  } finally {
    clearTimeout(limit)
    signal?.removeEventListener('abort', end)
  }
}

function stepFailure(
  error: unknown,
  { folder, msMax, isLate }: { folder: string; msMax: number; isLate: boolean },
): unknown {
  // One that is being closed serves nobody any more.
  if (error instanceof VaultError) return error.code === 'CLOSED' ? unserved(folder) : error
  if (isLate) {
    const message = `what serves ${folder} has not answered for ${msMax / 1000} s`
    return new VaultError('TIMEOUT', message, { path: folder })
  }
  return error instanceof Error && 'code' in error ? unserved(folder, error) : error
}

/** Opens a keyslot. A credential that opens none is told, so that it gets on record. */
async function prepare(
  way: Way,
  { folder, hello, unlock }: { folder: string; hello: Hello; unlock: Unlock },
): Promise<{ readonly encounter: Encounter; readonly root: Root }> {
  const sealed = await keyringIn(folder)
  const { vaultId } = sealed
  if (!vaultId.equals(hello.vaultId)) {
    throw new VaultError('INTEGRITY', `what serves ${folder} is another vault`, { path: folder })
  }
  const { slot, root } = await openSlots(sealed, unlock).catch(async (error: unknown) => {
    if (error instanceof VaultError && error.code === 'WRONG_KEY') {
      await post(way, 'refused', { body: {}, signal: AbortSignal.timeout(helloMsMax) }).then(
        (answer) => answer.resume(),
        () => undefined,
      )
    }
    throw error
  })
  const clientNonce = freshNonce()
  const { nonce } = hello
  return { encounter: { nonce, clientNonce, vaultId, slot: slot.id, role: slot.role }, root }
}

/** A vault that is served has one. */
async function keyringIn(folder: string): Promise<SealedKeyring> {
  return readKeyring(folder).catch((error: unknown) => {
    if (!(error instanceof VaultError) || error.code !== 'NOT_FOUND') throw error
    const path = join(folder, 'keyring')
    throw new VaultError('INTEGRITY', `${path} is missing`, { path })
  })
}

interface Entering {
  readonly folder: string
  readonly encounter: Encounter
  readonly root: Root
  readonly options: OpenControlOptions
}

async function enter(
  way: Way,
  { folder, encounter, root, options }: Entering,
): Promise<ControlledVault> {
  const { actor, timeout = timeoutDefaultMs, signal } = options
  const { clientNonce, slot, role } = encounter
  const proof = hex(proofOf('client', root, encounter))
  const body = { nonce: hex(clientNonce), slot, role, proof, actor, timeout }
  // His coming waits for the disk, as any call does.
  const step = { folder, body, signal, msMax: Math.min(timeout + helloMsMax, timerMsMax) }
  const { said, answer } = await ask(way, 'enter', step)
  const { token, proof: theirs } = said
  const isShown =
    typeof theirs === 'string' &&
    holds(Buffer.from(theirs, 'hex'), { end: 'server', root, encounter })
  if (!isShown || typeof token !== 'string') {
    throw new VaultError(
      'INTEGRITY',
      'what answers at the socket does not hold the keys of the vault',
    )
  }
  const { path } = way
  return remoteVault(new Connection(answer, { path, token, timeout }))
}

/** Nothing that comes before either end has proved itself is longer. */
const lineCharsMax = 64 * 1024

/** Throws what a failure of the other end says. The rest of the answer is left to be read. */
async function firstLine(answer: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const line = answer.statusCode === 200 ? await lineOf(answer) : undefined
  const said: unknown = line === undefined ? undefined : parsed(line)
  if (typeof said !== 'object' || said === null) {
    throw new VaultError('UNSUPPORTED', 'what answers at the socket is of another release')
  }
  if ('error' in said) throw unpackedFault(said.error)
  return { ...said }
}

/** All up to the end of the first line, or of the answer; undefined where that is too long. */
function lineOf(answer: IncomingMessage): Promise<string | undefined> {
  answer.setEncoding('utf8')
  return new Promise((resolve, reject) => {
    let text = ''
    const done = () => {
      answer.off('data', take).off('end', done).off('error', reject)
      answer.resume()
      resolve(text.length > lineCharsMax ? undefined : text.split('\n', 1)[0])
    }
    const take = (piece: string) => {
      text += piece
      if (text.includes('\n') || text.length > lineCharsMax) done()
    }
    answer.on('data', take).once('end', done).once('error', reject)
  })
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function bytesOf(text: unknown, length: number): Buffer {
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'hex')
  if (bytes.length === length) return bytes
  throw new VaultError('UNSUPPORTED', 'what answers at the socket is of another release')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function keyOf(root: Root): Buffer {
  return root.role === 'owner' ? root.R : root.A
}
