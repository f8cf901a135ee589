import { VaultError } from '../errors.ts'
import {
  actorBytesMax,
  contextBytesMax,
  descriptionBytesMax,
  keyslotsMax,
  nameBytesMax,
  ownerBytesMax,
  pathBytesMax,
  pathsPerRuleMax,
  policiesPerRoleMax,
  policyTextBytesMax,
  reasonBytesMax,
  rotateEveryMsMax,
  rulesPerPolicyMax,
  tagKeyBytesMax,
  tagsMax,
  tagValueBytesMax,
  valueBytesMax,
  versionsMax,
} from '../limits.ts'
import { authFields } from './auth-shape.ts'
import type {
  Anchor,
  DestroyedVersion,
  EventContext,
  EventData,
  EventType,
  GivenRequest,
  KeyslotFacts,
  PolicyRule,
  RotationScope,
  SealedValue,
  SecretMeta,
} from './catalogue.ts'
import {
  boolean,
  bytes,
  type Check,
  dictionary,
  type Fault,
  type Fields,
  integer,
  list,
  map,
  oneOf,
  optional,
  text,
} from './check.ts'
import { count, natural, role, time } from './field-shapes.ts'
import { capabilities, denialCauses, operations, rotationTriggers, secretTypes } from './words.ts'

const version = integer(1, versionsMax)
const hash = bytes(32)
const name = text(512)
const trigger = oneOf(...rotationTriggers)
const operation = oneOf(...operations)

const keyslot: Fields<KeyslotFacts> = {
  slot: name,
  kind: oneOf('argon2id', 'pbkdf2', 'recovery', 'shares', 'none'),
  role: oneOf('owner', 'auditor'),
  label: name,
}

const anchor: Fields<Anchor> = {
  kind: oneOf('file', 'witness'),
  target: text(4096, 1),
  vkey: optional(text(4096)),
}

const meta = map<SecretMeta>({
  type: oneOf(...secretTypes),
  description: optional(text(descriptionBytesMax)),
  owner: optional(text(ownerBytesMax)),
  tags: optional(dictionary(text(tagKeyBytesMax), text(tagValueBytesMax), tagsMax)),
  expiresAt: optional(time),
  notBefore: optional(time),
  rotateEvery: optional(integer(1, rotateEveryMsMax)),
  maxVersions: optional(version),
  casRequired: optional(boolean),
  expireAfter: optional(integer(1, rotateEveryMsMax)),
  fingerprint: optional(name),
})

/** A box holds a value padded by at most an eighth, and its tag. */
const sealed: Fields<SealedValue> = { keyId: hash, box: bytes(16, 2 * valueBytesMax) }

const newVersion: Fields<EventData['secret.written']> = {
  version,
  changed: boolean,
  meta,
  previous: optional(natural),
  ...sealed,
}

const someVersions: Fields<EventData['secret.deleted']> = {
  versions: list(version, 1, versionsMax),
  previous: optional(natural),
}

const rule = map<PolicyRule>({
  effect: oneOf('allow', 'deny'),
  capabilities: list(oneOf(...capabilities), 1, capabilities.length),
  paths: list(text(pathBytesMax, 1), 1, pathsPerRuleMax),
})

const rotationScope: Fields<RotationScope> = {
  prefix: optional(text(pathBytesMax, 1)),
  type: optional(oneOf(...secretTypes)),
}

const fieldsByType: { readonly [T in EventType]: Fields<EventData[T]> } = {
  'vault.created': {
    vaultId: bytes(16),
    generation: natural,
    keyslots: list(map(keyslot), 0, keyslotsMax),
  },
  'vault.opened': { slot: name, clean: boolean, pid: natural, host: name, muniment: name },
  'vault.closed': {},
  ...authFields,
  'keyslot.added': { ...keyslot, generation: natural },
  'keyslot.removed': { ...keyslot, generation: natural },
  'clock.corrected': { from: time, to: time },
  'keys.rotated': {
    what: oneOf('log', 'signing', 'root'),
    generation: natural,
    epoch: count,
    key: optional(hash),
  },
  'keys.shredded': { generation: natural, epoch: count, keys: natural },
  'anchor.added': anchor,
  'anchor.removed': anchor,
  'vault.restored': { origin: name, size: count, root: hash, key: hash },
  'secret.written': newVersion,
  'secret.rotated': { ...newVersion, trigger },
  'secret.rotation_failed': { trigger },
  'secret.annotated': { meta, previous: optional(natural) },
  'secret.deleted': someVersions,
  'secret.restored': someVersions,
  'secret.destroyed': {
    versions: list(map<DestroyedVersion>({ version, keyId: hash }), 1, versionsMax),
    cause: oneOf('request', 'max_versions', 'purge'),
    previous: optional(natural),
  },
  'secret.purged': { version, previous: optional(natural) },
  'secret.accessed': {
    operation: oneOf('read', 'watch'),
    version,
    allowExpired: optional(oneOf(true)),
    asOf: optional(natural),
  },
  'secret.denied': { operation, cause: oneOf(...denialCauses), version: optional(version) },
  'secret.inspected': { operation, count: optional(natural), asOf: optional(natural) },
  'audit.read': { filter: dictionary(text(128), textOrInteger, 32) },
  'export.created': { prefix: text(pathBytesMax), secrets: natural, versions: natural },
  'backup.created': {},
  'report.generated': {
    report: text(nameBytesMax, 1),
    version: count,
    params: dictionary(text(128), textOrInteger, 32),
    asOf: natural,
  },
  'policy.written': {
    name: role,
    rules: list(rule, 0, rulesPerPolicyMax),
    text: optional(text(policyTextBytesMax)),
  },
  'policy.removed': { name: role },
  'role.written': { name: role, policies: list(role, 0, policiesPerRoleMax) },
  'role.removed': { name: role },
  'role.granted': { name: role, actor: text(actorBytesMax, 1), expiresAt: optional(time) },
  'role.withdrawn': { name: role, actor: text(actorBytesMax, 1) },
  'rotation_policy.written': {
    ...rotationScope,
    rotateEvery: optional(integer(1, rotateEveryMsMax)),
  },
  'rotation_policy.removed': rotationScope,
  'mount.configured': {
    mount: role,
    maxVersions: optional(version),
    casRequired: optional(boolean),
    expireAfter: optional(integer(1, rotateEveryMsMax)),
  },
  'secret.declared': { meta },
  'secret.undeclared': {},
}

function textOrInteger(value: unknown): Fault | undefined {
  return typeof value === 'string' ? filterText(value) : filterInteger(value)
}

const filterText = text(actorBytesMax + pathBytesMax)
const filterInteger = integer(Number.MIN_SAFE_INTEGER)

/** A part of an event, named as errors name it. */
export interface Shape {
  readonly name: 'actor' | 'subject' | 'context' | 'data'
  readonly check: Check
}

/** Which characters an actor or a subject may have is for whoever takes it from a caller (`path.ts`). */
export const actorShape: Shape = { name: 'actor', check: text(actorBytesMax, 1) }
export const subjectShape: Shape = { name: 'subject', check: text(pathBytesMax) }

/** A context as a whole is bounded by `contextBytesMax` where its bytes are at hand. */
export const contextShape: Shape = {
  name: 'context',
  check: map<EventContext>({
    reason: optional(text(reasonBytesMax)),
    source: optional(text(contextBytesMax)),
    correlationId: optional(text(contextBytesMax)),
    causationId: optional(text(contextBytesMax)),
    traceId: optional(text(contextBytesMax)),
    auth: optional(
      map<NonNullable<EventContext['auth']>>({
        method: oneOf('keyslot', 'token', 'approle', 'claimed'),
        id: text(contextBytesMax),
      }),
    ),
    decision: optional(
      map<NonNullable<EventContext['decision']>>({
        rule: text(contextBytesMax),
        role: text(contextBytesMax),
        outcome: oneOf('allow', 'deny'),
        policy: optional(natural),
        asserted: optional(oneOf(true)),
      }),
    ),
    clockSkewMs: optional(natural),
    given: optional(
      map<GivenRequest>({
        request: text(32, 32),
        version: optional(version),
        rotations: optional(count),
      }),
    ),
  }),
}

const dataShapes: ReadonlyMap<string, Shape> = new Map(
  Object.entries(fieldsByType).map(([type, fields]) => [
    type,
    { name: 'data', check: map(fields as Fields<object>) },
  ]),
)

export function isEventType(type: string): type is EventType {
  return dataShapes.has(type)
}

/** The shape of a type's data in its current schema. */
export function dataShape(type: EventType): Shape {
  const shape = dataShapes.get(type)
  if (shape === undefined) throw new VaultError('INVALID', 'type: expected one of the catalogue')
  return shape
}
