import { Type } from 'typebox'
import { position, strict } from '../shapes/common.ts'

/** Keys that replaced others. */
export const keysRotated = strict({
  epoch: Type.Integer({ minimum: 1, description: 'The number that they have.' }),
  position: position('Of the event that says so.'),
})

export const signerRotated = strict({
  ...keysRotated.properties,
  verifier: Type.String({
    description: 'Under which checkpoints are signed from here on: what an auditor pins next.',
  }),
})

/** How far the value keys are wrapped anew. */
export const progress = strict({
  progress: strict({
    keys: Type.Integer({ minimum: 0, description: 'Wrapped anew so far.' }),
    of: Type.Integer({ minimum: 0, description: 'All that there are to be.' }),
  }),
})
