import { publicKeyOf } from '../crypto/ed25519.ts'
import type { KeysBegun, Lifecycle } from '../projections/lifecycle.ts'
import { formatVkey, vkeyOf } from '../proofs/vkey.ts'
import type { Engine } from './engine.ts'

/** What is known of one key. Nothing here is secret. */
export interface Key {
  /**
   * `log` seals commits, `blinding` salts leaves of the tree, `append` makes the MACs of commits; `wrapping` seals value
   * keys, `signing` signs checkpoints, `auditors` is what keyslots of auditors wrap.
   */
  readonly purpose: 'log' | 'blinding' | 'append' | 'wrapping' | 'signing' | 'auditors'
  /** Its number among those of its purpose, from 1. */
  readonly epoch: number
  /** Of `log`, `blinding` and `append`: the first position under it. */
  readonly from?: number
  /** Absent for one whose event is still to be appended. */
  readonly createdAt?: Date
  /** `current` for what is new, `retired` for what is old; `erased` where only the public key is left. */
  readonly state: 'current' | 'retired' | 'erased'
  /** Of `signing`: the C2SP verifier key. */
  readonly publicKey?: string
}

/** Where keys of each purpose begin: the n-th of these events began epoch n. */
const beginnings = {
  log: ['created', 'log', 'root'],
  wrapping: ['created', 'shredded', 'root'],
  signing: ['created', 'signing', 'root'],
  auditors: ['created', 'root'],
} as const satisfies Record<string, readonly KeysBegun['what'][]>

/** Every key of a vault that is open, by purpose, oldest first. */
export function keysOf({ keyring, origin, state }: Engine): readonly Key[] {
  const { log, values } = keyring
  const begun = state.lifecycle.fold.state
  const of = dated(begun)
  const seeds = new Set(values.signing.map(({ epoch }) => epoch))
  const logKeys = (['log', 'blinding', 'append'] as const).flatMap((purpose) =>
    log.epochs.map(({ epoch, from }, at) => ({
      ...of('log', { purpose, epoch, isLast: at === log.epochs.length - 1 }),
      from,
    })),
  )
  const wrapping = values.wraps.map(({ epoch }, at) =>
    of('wrapping', { purpose: 'wrapping', epoch, isLast: at === values.wraps.length - 1 }),
  )
  const signing = log.signers.map(({ epoch, publicKey }, at): Key => {
    const isLast = at === log.signers.length - 1
    const key = of('signing', { purpose: 'signing', epoch, isLast })
    const vkey = formatVkey(vkeyOf(origin, publicKeyOf(publicKey)))
    return { ...key, publicKey: vkey, ...(!seeds.has(epoch) && { state: 'erased' }) }
  })
  const epoch = begunBy(begun, 'auditors').length
  const auditors = of('auditors', { purpose: 'auditors', epoch, isLast: true })
  return [...logKeys, ...wrapping, ...signing, auditors]
}

function dated(lifecycle: Lifecycle) {
  return (
    kind: keyof typeof beginnings,
    { purpose, epoch, isLast }: Pick<Key, 'purpose' | 'epoch'> & { readonly isLast: boolean },
  ): Key => {
    const time = begunBy(lifecycle, kind)[epoch - 1]?.time
    const createdAt = time !== undefined && { createdAt: new Date(time) }
    return { purpose, epoch, ...createdAt, state: isLast ? 'current' : 'retired' }
  }
}

function begunBy({ keys }: Lifecycle, kind: keyof typeof beginnings): readonly KeysBegun[] {
  const what: readonly string[] = beginnings[kind]
  return keys.filter((begun) => what.includes(begun.what))
}
