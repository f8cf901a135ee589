import { Type } from 'typebox'
import { strict } from './common.ts'

/** A line of a long answer: how far the work has come. */
export const progressLine = strict({
  progress: strict({
    position: Type.Integer({ minimum: 0, description: 'How far it has come.' }),
    size: Type.Integer({ minimum: 0, description: 'Of how much.' }),
  }),
})
