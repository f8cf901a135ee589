import type { SecretMeta } from '../events/catalogue.ts'
import { deepFrozen } from './deep-frozen.ts'
import { defineProjection } from './projection.ts'

/** What is known of a secret that has no version yet. */
export interface DeclarationRow {
  readonly meta: SecretMeta
  /** When it was declared first. */
  readonly declaredAt: number
  readonly declaredBy: string
  /** Of the event that declared it as it is. */
  readonly position: number
}

/** By path. */
export type DeclarationsState = Map<string, DeclarationRow>

/** Secrets that are to come: a declaration ends where its secret begins, which takes it over. */
export const declarations = defineProjection<DeclarationsState>({
  name: 'declarations',
  version: 1,
  initial: () => new Map(),
  on: {
    'secret.declared': (rows, { subject, data, time, actor, position }) => {
      const { declaredAt, declaredBy } = rows.get(subject) ?? {
        declaredAt: time,
        declaredBy: actor,
      }
      rows.set(subject, { meta: deepFrozen(data.meta), declaredAt, declaredBy, position })
    },
    'secret.undeclared': (rows, { subject }) => {
      rows.delete(subject)
    },
    'secret.written': (rows, { subject }) => {
      rows.delete(subject)
    },
    'secret.rotated': (rows, { subject }) => {
      rows.delete(subject)
    },
  },
})
