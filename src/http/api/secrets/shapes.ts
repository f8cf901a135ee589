import { Type } from 'typebox'
import { secretTypes } from '../../../index.ts'
import { actor, date, givenDate, milliseconds, oneOf, position, strict } from '../shapes/common.ts'

const type = oneOf(secretTypes, { description: 'What kind of secret it is.' })
const state = oneOf(['live', 'deleted', 'destroyed'] as const)
const tags = Type.Record(Type.String(), Type.String(), { examples: [{ team: 'pay' }] })
const optional = Type.Optional

/** What is known of a secret besides its value. */
export const secretInfo = strict({
  path: Type.String(),
  type,
  version: Type.Integer({ description: 'The newest.' }),
  state,
  createdAt: date('When the first version came.'),
  updatedAt: date('When anything of it last changed.'),
  valueChangedAt: date('When the value itself last changed.'),
  updatedBy: actor,
  expiresAt: optional(date('When its value can no longer be read.')),
  notBefore: optional(date('When its value can first be read.')),
  rotationCount: Type.Integer(),
  lastRotatedAt: optional(date('When it was last rotated.')),
  accessCount: Type.Integer({ description: 'How often its value was read.' }),
  lastAccessedAt: optional(date('When its value was last read.')),
  tags,
  description: optional(Type.String()),
  owner: optional(Type.String()),
  rotateEvery: optional(milliseconds('How old a value of it may get')),
  dueAt: optional(date('When its value will be, or was, as old as it may get.')),
  maxVersions: optional(Type.Integer()),
  casRequired: Type.Boolean(),
  expireAfter: optional(milliseconds('After which each new value expires')),
  fingerprint: optional(Type.String({ description: 'Of a certificate or an SSH key.' })),
})

/** One version: who, when, why, and whether it can still be read. */
export const versionInfo = strict({
  version: Type.Integer(),
  state,
  createdAt: date('When it came.'),
  createdBy: actor,
  origin: Type.String({ description: '`written`, or why it was rotated.' }),
  reason: optional(Type.String()),
  changed: Type.Boolean({
    description: 'Whether its value differs from that of the version before.',
  }),
  expiresAt: optional(date('When it can no longer be read.')),
  notBefore: optional(date('When it can first be read.')),
  stateChangedAt: optional(date('When it was deleted, restored or destroyed.')),
  stateChangedBy: optional(actor),
  position: position('Of the event that wrote it.'),
})

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]))

/** What can be said of a secret: a member that is absent stays as it is; null takes it away. */
export const meta = {
  type: optional(type),
  description: nullable(Type.String()),
  owner: nullable(Type.String()),
  tags: nullable(tags),
  expiresAt: nullable(givenDate('When its value can no longer be read.')),
  notBefore: nullable(givenDate('When its value can first be read.')),
  rotateEvery: nullable(milliseconds('How old a value may get')),
  maxVersions: nullable(Type.Integer({ minimum: 1, description: 'Older versions are destroyed.' })),
  casRequired: nullable(Type.Boolean({ description: 'Each write must say `ifVersion`.' })),
  expireAfter: nullable(milliseconds('After which each new value expires')),
}

export const ifVersion = optional(
  Type.Integer({
    minimum: 0,
    description: 'The version that the secret must be at; 0 where it must not exist.',
  }),
)

export const written = strict({
  path: Type.String(),
  version: Type.Integer(),
  position: position('Of its event.'),
  id: Type.String({ format: 'uuid', description: 'Of its event.' }),
  changed: Type.Boolean({ description: 'Whether the value differs from the one before.' }),
})

export const versionsChanged = strict({
  path: Type.String(),
  versions: Type.Array(Type.Integer(), { description: 'Those that changed.' }),
  position: position('Of the newest event about the secret.'),
})
