import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Projection } from '../index.ts'
import { UsageError } from './failure.ts'

/**
 * The projections that a JavaScript module of the caller's own exports, under whatever names. Throws UsageError where it
 * cannot be loaded, or exports none.
 *
 * @param option that named the file: `--projections`
 */
export async function ownProjections(
  option: string,
  file: string,
): Promise<readonly Projection<unknown>[]> {
  const exported: Record<string, unknown> = await import(pathToFileURL(resolve(file)).href).catch(
    (cause) => {
      throw new UsageError(`${option} ${file} cannot be loaded: ${cause.message}`)
    },
  )
  const found = [...new Set(Object.values(exported).filter(isProjection))]
  if (found.length > 0) return found
  throw new UsageError(
    `${option} ${file} exports no projection`,
    'export const … = defineProjection({ name, version, initial, on })',
  )
}

/** Whether it looks like one; the vault checks the rest. */
function isProjection(value: unknown): value is Projection<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    'initial' in value &&
    typeof value.initial === 'function'
  )
}
