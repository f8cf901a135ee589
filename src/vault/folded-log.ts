import type { LogSource } from '../log/reader.ts'
import type { Snapshots } from '../projections/snapshots.ts'
import type { BuiltIns } from './built-ins.ts'
import type { SortedPaths } from './sorted-paths.ts'

/** Paths in their order, to be looked at. */
export type OrderedPaths = Pick<SortedPaths, 'ready' | 'page' | 'firstFrom'>

/** A log with what was folded from it, of an open vault or of a backup: all that a look at it takes. */
export interface FoldedLog extends LogSource {
  /** How many events are folded. */
  readonly size: number
  readonly state: BuiltIns
  readonly paths: OrderedPaths
  /** Of secrets that are only declared. */
  readonly declaredPaths: OrderedPaths
  /** Told of an index that turns out damaged. */
  readonly snapshots: Pick<Snapshots, 'distrust'>
}
