import { type AnnotateKeyIntent, annotateKey } from '../../decide/kv.ts'
import { VaultError } from '../../errors.ts'
import { checkPath } from '../../events/path.ts'
import type { Command } from '../../log/queue.ts'
import type { Call } from '../call.ts'
import type { Engine } from '../engine.ts'
import { readMeta } from '../meta-options.ts'
import { rightsToChange } from '../meta-rights.ts'
import { underPolicy } from '../permit.ts'
import type { KvAnnotateOptions, KvAnnotation } from './kv-shape.ts'
import { patchOf } from './mount.ts'

/** Changes what is known of a secret, or declares it. */
export async function annotateKv(
  engine: Engine,
  call: Call,
  about: {
    readonly path: string
    readonly annotation: KvAnnotation
    readonly options: KvAnnotateOptions
  },
): Promise<void> {
  const { annotation, options } = about
  const path = checkPath(about.path)
  const { patchTags, tags } = annotation
  const patch = { ...patchOf(annotation), ...readMeta({ ...(tags !== undefined && { tags }) }) }
  const intent: AnnotateKeyIntent = {
    path,
    patch,
    ...(patchTags !== undefined && { patchTags: checkPatchTags(patchTags) }),
    mustExist: options.mustExist === true,
  }
  const { secrets, declarations } = engine.state
  const command: Command = {
    actor: call.actor,
    context: call.context,
    aggregate: path,
    decide: () =>
      annotateKey({ secrets: secrets.fold.state, declarations: declarations.fold.state }, intent),
  }
  const besides = rightsToChange(engine, path, patch)
  const wanted = { operation: 'annotate', subject: path, besides } as const
  await engine.append(underPolicy(call, wanted, command), call.limits)
}

/** A copy, whose keys and values are ones that tags can have. Throws `INVALID`, `TOO_LARGE`. */
function checkPatchTags(patch: unknown): Readonly<Record<string, string | null>> {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
    throw new VaultError('INVALID', 'patchTags must be an object of strings and null')
  }
  const entries = Object.entries(patch)
  const taken = entries.filter(([, value]) => value === null)
  const given = Object.fromEntries(entries.filter(([, value]) => value !== null))
  const { tags } = readMeta({ tags: given })
  return { ...Object.fromEntries(taken), ...tags }
}
