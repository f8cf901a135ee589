/**
 * Every kind of event, version 1 of each. An event is a fact in the past tense; nothing here has behaviour.
 *
 * Times are milliseconds since the epoch; positions and versions are integers below 2⁵³.
 */

import type { AuthEventData } from './auth-events.ts'
import type { Capability, DenialCause, Operation, RotationTrigger, SecretType } from './words.ts'

/** What is known of a secret besides its value. An event that changes a secret carries all of it. */
export interface SecretMeta {
  readonly type: SecretType
  readonly description?: string
  readonly owner?: string
  readonly tags?: Readonly<Record<string, string>>
  readonly expiresAt?: number
  readonly notBefore?: number
  /** Milliseconds. */
  readonly rotateEvery?: number
  readonly maxVersions?: number
  readonly casRequired?: boolean
  /** Milliseconds after which each new value expires, where nothing else is said of it. */
  readonly expireAfter?: number
  /** Read from a certificate or an SSH public key: `SHA256:…`. */
  readonly fingerprint?: string
}

/** One sealed value: `box` opens only with the value key whose hash is `keyId` (`docs/format.md`). */
export interface SealedValue {
  readonly keyId: Uint8Array
  readonly box: Uint8Array
}

interface NewVersion extends SealedValue {
  readonly version: number
  /** Whether the value differs from the one before; true for a first one. */
  readonly changed: boolean
  readonly meta: SecretMeta
  /** Position of the event that changed this secret before this one. */
  readonly previous?: number
}

export interface DestroyedVersion {
  readonly version: number
  readonly keyId: Uint8Array
}

export type KeyslotRole = 'owner' | 'auditor'
export type KeyslotKind = 'argon2id' | 'pbkdf2' | 'recovery' | 'shares' | 'none'

export interface KeyslotFacts {
  /** UUID. */
  readonly slot: string
  readonly kind: KeyslotKind
  readonly role: KeyslotRole
  readonly label: string
}

export interface Anchor {
  readonly kind: 'file' | 'witness'
  /** A path, or a URL. */
  readonly target: string
  readonly vkey?: string
}

export interface PolicyRule {
  readonly effect: 'allow' | 'deny'
  readonly capabilities: readonly Capability[]
  /** Patterns of paths (`pattern.ts`). */
  readonly paths: readonly string[]
}

/** Which secrets a rotation policy is for: those below a prefix, those of a type, or both; all where it names neither. */
export interface RotationScope {
  /** Of paths, such as `prod/`. */
  readonly prefix?: string
  readonly type?: SecretType
}

/** What each type of event says. The key is the type's name on disk. */
export interface EventData extends AuthEventData {
  'vault.created': {
    readonly vaultId: Uint8Array
    readonly generation: number
    readonly keyslots: readonly KeyslotFacts[]
  }
  'vault.opened': {
    readonly slot: string
    /** Whether the last opening ended in a `vault.closed`. */
    readonly clean: boolean
    readonly pid: number
    readonly host: string
    readonly muniment: string
  }
  'vault.closed': Record<string, never>
  'keyslot.added': KeyslotFacts & { readonly generation: number }
  'keyslot.removed': KeyslotFacts & { readonly generation: number }
  'clock.corrected': { readonly from: number; readonly to: number }
  /** A backup became a vault: what it was before stands here, the event's own id names what it is from here on. */
  'vault.restored': {
    /** Of the vault that the backup was made of (`proofs/origin.ts`). */
    readonly origin: string
    /** The log's size and root in the backup. */
    readonly size: number
    readonly root: Uint8Array
    /** The public key that signed its checkpoints. */
    readonly key: Uint8Array
  }
  /**
   * Keys were replaced: the log's (this event is the last of the old epoch), the signing key (`key` is the new one's
   * public half), or the root and with it all of them.
   */
  'keys.rotated': {
    readonly what: 'log' | 'signing' | 'root'
    readonly generation: number
    /** Of what was replaced, the number it has from here on. */
    readonly epoch: number
    readonly key?: Uint8Array
  }
  /** Every value key that survives was wrapped anew, and the wrapping key of before is gone. */
  'keys.shredded': {
    readonly generation: number
    /** Of the wrapping key. */
    readonly epoch: number
    /** Value keys that survived. */
    readonly keys: number
  }
  /** Checkpoints go there too, from here on: to a file elsewhere, or to a witness, whose vkey this is. */
  'anchor.added': Anchor
  'anchor.removed': Anchor

  'secret.written': NewVersion
  'secret.rotated': NewVersion & { readonly trigger: RotationTrigger }
  'secret.rotation_failed': { readonly trigger: RotationTrigger }
  'secret.annotated': { readonly meta: SecretMeta; readonly previous?: number }
  'secret.deleted': { readonly versions: readonly number[]; readonly previous?: number }
  'secret.restored': { readonly versions: readonly number[]; readonly previous?: number }
  'secret.destroyed': {
    readonly versions: readonly DestroyedVersion[]
    readonly cause: 'request' | 'max_versions' | 'purge'
    readonly previous?: number
  }
  'secret.purged': { readonly version: number; readonly previous?: number }

  'secret.accessed': {
    readonly operation: 'read' | 'watch'
    readonly version: number
    /** The value had expired, and the caller said why it was read all the same. */
    readonly allowExpired?: true
    /** The value as it was with the event at this position, instead of as it is. */
    readonly asOf?: number
  }
  'secret.denied': {
    readonly operation: Operation
    readonly cause: DenialCause
    readonly version?: number
  }
  'secret.inspected': {
    readonly operation: Operation
    readonly count?: number
    /** As it was with the event at this position. */
    readonly asOf?: number
  }
  'audit.read': { readonly filter: Readonly<Record<string, string | number>> }
  /** Every live version of the secrets below a prefix was handed out, as of this event. */
  'export.created': {
    readonly prefix: string
    readonly secrets: number
    readonly versions: number
  }
  /** The log up to and with this event was copied out, and the keys with it. */
  'backup.created': Record<string, never>
  /** A report over the log up to and with the event at `asOf` was about to be handed out. */
  'report.generated': {
    readonly report: string
    /** Of the report's definition. */
    readonly version: number
    readonly params: Readonly<Record<string, string | number>>
    readonly asOf: number
  }

  /** A policy of access, all of it: one of that name is replaced. */
  'policy.written': {
    readonly name: string
    readonly rules: readonly PolicyRule[]
    /** As it was given, where that was in another language than these rules. */
    readonly text?: string
  }
  'policy.removed': { readonly name: string }
  /** A role is a name for policies, all of them: one of that name is replaced. */
  'role.written': { readonly name: string; readonly policies: readonly string[] }
  'role.removed': { readonly name: string }
  /** `actor` has the role from here on. */
  'role.granted': { readonly name: string; readonly actor: string; readonly expiresAt?: number }
  'role.withdrawn': { readonly name: string; readonly actor: string }

  /** How old values of that scope may get; without `rotateEvery` they are exempt. One of the same scope is replaced. */
  'rotation_policy.written': RotationScope & {
    /** Milliseconds. */
    readonly rotateEvery?: number
  }
  'rotation_policy.removed': RotationScope

  /** What holds for the secrets below a mount of the wire, where they say nothing themselves; absent is no bound. */
  'mount.configured': {
    readonly mount: string
    readonly maxVersions?: number
    readonly casRequired?: boolean
    /** Milliseconds. */
    readonly expireAfter?: number
  }
  /** What is known of a secret that is to come: its first version takes it over. */
  'secret.declared': { readonly meta: SecretMeta }
  'secret.undeclared': Record<string, never>
}

export type EventType = keyof EventData

/** Who asked, from where and why. Bounded as a whole; every field is optional. */
export interface EventContext {
  readonly reason?: string
  /** Address the request came from. */
  readonly source?: string
  readonly correlationId?: string
  readonly causationId?: string
  readonly traceId?: string
  /** How the actor was established: `claimed` where a caller merely names one. */
  readonly auth?: {
    readonly method: 'keyslot' | 'token' | 'approle' | 'claimed'
    readonly id: string
  }
  readonly decision?: {
    /** The policy and the number of its rule, from 0: `payments-read#0`; empty where no rule speaks of it. */
    readonly rule: string
    readonly role: string
    readonly outcome: 'allow' | 'deny'
    /** Position of the event that wrote the policy. */
    readonly policy?: number
    /** The host says that the actor has the role; no grant in the log does. */
    readonly asserted?: true
  }
  /** The clock read this many milliseconds before the log's newest time, which was taken instead. */
  readonly clockSkewMs?: number
  /** The caller chose the event's id, under which it may ask for the same once more. */
  readonly given?: GivenRequest
}

/** What was asked for under an id, and what was answered that the event does not tell itself. */
export interface GivenRequest {
  /** Hash of the request without its value (`docs/format.md`), in hexadecimal digits. */
  readonly request: string
  /** The secret's newest version, where it was annotated. */
  readonly version?: number
  /** How often the secret had been rotated with this, where it was rotated. */
  readonly rotations?: number
}

/** What `decide` says has happened, before it has a place in the log. */
export type Fact = {
  [T in EventType]: { readonly type: T; readonly subject: string; readonly data: EventData[T] }
}[EventType]

interface Envelope {
  readonly position: number
  /** Version of this type's `data`. */
  readonly schema: number
  /** UUIDv7; its time is the event's, or within an hour of it where the caller chose the id. */
  readonly id: string
  readonly time: number
  readonly actor: string
  /** The secret's path; empty for what is about the vault itself. */
  readonly subject: string
  readonly context: EventContext
}

/** An event as the log holds it. */
export type VaultEvent = {
  [T in EventType]: Envelope & { readonly type: T; readonly data: EventData[T] }
}[EventType]

/** The event of one type. */
export type EventOf<T extends EventType> = Extract<VaultEvent, { readonly type: T }>

/** An event about to be encoded: it gets its position from where it lands. */
export type DraftEvent = Omit<Envelope, 'position'> & {
  readonly type: EventType
  readonly data: EventData[EventType]
}
