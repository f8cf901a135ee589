import { nameBytesMax, timeMsMax } from '../limits.ts'
import { integer, text } from './check.ts'

/** Shapes of fields that events of several kinds have. */
export const time = integer(0, timeMsMax)
export const natural = integer(0)
export const count = integer(1)
/** The name of a policy, of a role or of an application. */
export const role = text(nameBytesMax, 1)
