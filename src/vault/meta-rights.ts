import { isDeepStrictEqual } from 'node:util'
import type { Asked } from '../access/asked.ts'
import type { MetaPatch } from '../decide/meta.ts'
import type { SecretMeta } from '../events/catalogue.ts'
import type { Engine } from './engine.ts'

/**
 * What a call takes besides its own right, as the secret stands when it is judged. Whoever makes a secret says all of it.
 * Of one that is there, or was declared, only the dates of a value come with the value: another change of what is known of
 * it takes `annotate`, and another bound on its versions, which destroys those beyond it sooner or later, takes `destroy`.
 */
export function rightsToChange(
  engine: Engine,
  path: string,
  patch: MetaPatch,
): () => readonly Asked[] {
  return () => {
    const { secrets, declarations } = engine.state
    const row = secrets.fold.state.get(path)
    const meta = row?.meta ?? declarations.fold.state.get(path)?.meta
    if (meta === undefined) return []
    const changed = Object.keys(patch).filter((field) => changes(meta, patch, field as Field))
    const rights: Asked[] = []
    if (changed.some((field) => !ofValue.includes(field))) {
      rights.push({ operation: 'annotate', subject: path })
    }
    const isBound = changed.includes('maxVersions') && patch.maxVersions !== null
    if (row !== undefined && isBound) {
      rights.push({ operation: 'destroy', subject: path })
    }
    return rights
  }
}

type Field = keyof MetaPatch

const ofValue: readonly string[] = ['expiresAt', 'notBefore'] satisfies readonly Field[]

function changes(meta: SecretMeta, patch: MetaPatch, field: Field): boolean {
  return !isDeepStrictEqual(patch[field] ?? undefined, meta[field])
}
