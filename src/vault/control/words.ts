import { breather } from '../../breather.ts'
import { VaultError } from '../../errors.ts'
import type { KeyslotKind, SlotKdf } from '../../keys/keyslot.ts'
import type { Credential, Unlock } from '../../keys/unlock.ts'
import { HandedOutText } from '../../secret/handed-out-text.ts'
import { SecretValue } from '../../secret/value.ts'

/**
 * What a control socket carries: JSON, in which whatever JSON does not have stands as an object of one member, whose name
 * begins with `$`.
 *
 * $undefined  true
 * $number     "NaN" | "Infinity" | "-Infinity" | "-0"
 * $date       milliseconds since the epoch
 * $bytes      base64
 * $map        [[key, value], …]
 * $secret     {content, path, version, position, type}: the value of a secret
 * $text       a token or a secret id that is handed out
 * $object     an object of which a member's name begins with `$`
 * $signal     true: aborts when the caller goes away
 * $progress   true: a function that is told how far the work has come
 * $unlock     {id, kinds, kdf?}: what opens keyslots, which stays where it is and is asked there for each key
 */
export type Word =
  | null
  | boolean
  | number
  | string
  | readonly Word[]
  | { readonly [name: string]: Word }

/** What stands at the other end for that which cannot be sent itself. */
export interface Lent {
  readonly signal: AbortSignal
  readonly progress: (at: unknown) => void
  /** Asks for the key of a slot, of the credential that was sent under this number. */
  key(unlock: number, kdf: SlotKdf): Promise<Buffer>
}

/** Takes note of what cannot be sent itself. */
export interface Lender {
  signal(signal: AbortSignal): void
  progress(told: (at: unknown) => void): void
  /** Gives it a number. */
  unlock(unlock: Unlock): number
}

const refuseLent: Lender = {
  signal: () => refuse('a signal'),
  progress: () => refuse('a function'),
  unlock: () => refuse('a credential'),
}

/** What is sent of a value. Throws `INVALID` for what cannot be sent: a function, a symbol, an object of a class. */
export function packed(value: unknown, lender: Lender = refuseLent): Word {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return packedNumber(value)
  if (value === undefined) return { $undefined: true }
  if (typeof value === 'function') {
    lender.progress(value as (at: unknown) => void)
    return { $progress: true }
  }
  if (typeof value !== 'object') return refuse(`a ${typeof value}`)
  if (Array.isArray(value)) return value.map((item) => packed(item, lender))
  return packedObject(value, lender)
}

function packedNumber(value: number): Word {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value
  return { $number: Object.is(value, -0) ? '-0' : String(value) }
}

function packedObject(value: object, lender: Lender): Word {
  if (value instanceof Date) return { $date: packedNumber(value.getTime()) }
  if (value instanceof Uint8Array) return { $bytes: base64Of(value) }
  if (value instanceof Map) {
    const entries = [...value].map(([key, held]) => [packed(key, lender), packed(held, lender)])
    return { $map: entries }
  }
  if (value instanceof SecretValue) return { $secret: packedSecret(value) }
  if (value instanceof HandedOutText) return { $text: value.text() }
  if (value instanceof AbortSignal) {
    lender.signal(value)
    return { $signal: true }
  }
  if (isUnlock(value)) return { $unlock: packedUnlock(value, lender) }
  if (!isPlain(value)) return refuse('an object of a class')
  const entries = Object.entries(value)
  const members = Object.fromEntries(entries.map(([name, held]) => [name, packed(held, lender)]))
  return entries.some(([name]) => name.startsWith('$')) ? { $object: members } : members
}

function isUnlock(value: object): value is Unlock & Partial<Pick<Credential, 'newKdf'>> {
  return 'key' in value && typeof value.key === 'function' && 'kinds' in value
}

function packedUnlock(unlock: Unlock & Partial<Pick<Credential, 'newKdf'>>, lender: Lender): Word {
  const kdf = unlock.newKdf?.()
  const id = lender.unlock(unlock)
  return { id, kinds: [...unlock.kinds], ...(kdf && { kdf: packed(kdf) }) }
}

function packedSecret(secret: SecretValue): Word {
  const { path, version, position, type } = secret
  return { content: packed(contentOf(secret)), path, version, position, type }
}

function contentOf(secret: SecretValue) {
  if (secret.kind === 'string') return secret.text()
  return secret.kind === 'bytes' ? secret.bytes() : secret.fields()
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The value that was sent. Throws `UNSUPPORTED` for what this release does not know, `INVALID` for what is not of its form. */
export function unpacked(word: Word, lent?: Lent): unknown {
  if (typeof word !== 'object' || word === null) return word
  if (isList(word)) return word.map((item) => unpacked(item, lent))
  const entries = Object.entries(word)
  const [first] = entries
  if (first?.[0].startsWith('$') !== true) return unpackedMembers(entries, lent)
  const [tag, held] = first
  const unpack = Object.hasOwn(unpackers, tag)
    ? unpackers[tag as keyof typeof unpackers]
    : undefined
  if (unpack !== undefined && entries.length === 1) return unpack(held, lent)
  throw new VaultError('UNSUPPORTED', 'the other end of the socket is of another release')
}

function unpackedMembers(entries: readonly (readonly [string, Word])[], lent: Lent | undefined) {
  return Object.fromEntries(entries.map(([name, held]) => [name, unpacked(held, lent)]))
}

const oddNumbers: ReadonlyMap<Word, number> = new Map<Word, number>([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
])

type Unpack = (held: Word, lent: Lent | undefined) => unknown

const unpackers = {
  $undefined: () => undefined,
  $number: (held) => oddNumbers.get(held) ?? malformed('a number'),
  $date: (held, lent) => {
    const time = unpacked(held, lent)
    return typeof time === 'number' ? new Date(time) : malformed('a date')
  },
  $bytes: (held) => (typeof held === 'string' ? Buffer.from(held, 'base64') : malformed('bytes')),
  $map: (held, lent) => {
    if (!isList(held)) return malformed('a map')
    return new Map(
      held.map((entry): [unknown, unknown] => {
        if (!isList(entry) || entry.length !== 2) return malformed('a map')
        const [key = null, value = null] = entry
        return [unpacked(key, lent), unpacked(value, lent)]
      }),
    )
  },
  $secret: unpackedSecret,
  $text: (held) => (typeof held === 'string' ? new HandedOutText(held) : malformed('a text')),
  $object: (held, lent) =>
    isMembers(held) ? unpackedMembers(Object.entries(held), lent) : malformed('an object'),
  $unlock: unpackedUnlock,
  $signal: (_, lent) => lent?.signal ?? malformed('a signal'),
  $progress: (_, lent) => lent?.progress ?? malformed('a function'),
} as const satisfies Record<`$${string}`, Unpack>

function unpackedSecret(held: Word): SecretValue {
  if (!isMembers(held)) return malformed('a secret')
  const { path, version, position, type, content = null } = held
  const isNamed = typeof path === 'string' && typeof type === 'string'
  if (!isNamed || typeof version !== 'number' || typeof position !== 'number') {
    return malformed('a secret')
  }
  const value = unpacked(content) as ConstructorParameters<typeof SecretValue>[0]
  return new SecretValue(value, { path, version, position, type })
}

/** A credential that asks for each key where it came from: a passphrase stays with whoever typed it. */
function unpackedUnlock(held: Word, lent: Lent | undefined): Credential {
  if (!isMembers(held) || lent === undefined) return malformed('a credential')
  const { id, kinds, kdf } = held
  if (typeof id !== 'number' || kinds === undefined || !isList(kinds)) {
    return malformed('a credential')
  }
  const newKdf = kdf === undefined ? undefined : (unpacked(kdf) as SlotKdf)
  return {
    kinds: kinds as readonly KeyslotKind[],
    newKdf: () => newKdf ?? malformed('a credential for a new keyslot'),
    key: (slot) => lent.key(id, slot.kdf),
  }
}

function isList(word: Word): word is readonly Word[] {
  return Array.isArray(word)
}

function isMembers(word: Word): word is { readonly [name: string]: Word } {
  return typeof word === 'object' && word !== null && !isList(word)
}

function refuse(what: string): never {
  throw new VaultError('INVALID', `${what} cannot be sent through a control socket`)
}

function malformed(what: string): never {
  throw new VaultError('INVALID', `what came through the control socket is not ${what}`)
}

/** Items that are written before other work of the process may get its turn. */
const itemsAtOnce = 16
/** Lists below that are short: they stand at the end of what makes an answer long. */
const slicedDepth = 2

/** The JSON of a value. Other work of the process gets its turn within long lists. */
export async function wordText(value: unknown): Promise<string> {
  return slicedText(value, slicedDepth, breather())
}

async function slicedText(
  value: unknown,
  depth: number,
  breathe: () => Promise<void> | undefined,
): Promise<string> {
  if (depth > 0 && Array.isArray(value) && value.length > itemsAtOnce) {
    const parts: string[] = []
    for (const [i, item] of value.entries()) {
      parts.push(await slicedText(item, depth - 1, breathe))
      if (i % itemsAtOnce === 0) await breathe()
    }
    return `[${parts.join(',')}]`
  }
  if (depth > 0 && isSliceable(value)) {
    const parts: string[] = []
    for (const [name, held] of Object.entries(value)) {
      parts.push(`${JSON.stringify(name)}:${await slicedText(held, depth - 1, breathe)}`)
    }
    return `{${parts.join(',')}}`
  }
  return JSON.stringify(packed(value))
}

function isSliceable(value: unknown): value is object {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject && isPlain(value) && !Object.keys(value).some((name) => name.startsWith('$'))
}
