import type { Group } from '../operation.ts'
import { changes } from './changes.ts'
import { looks } from './looks.ts'

export const secretOperations: Group = {
  name: 'Secrets',
  description: 'Values, and what is known of them.',
  operations: [...looks, ...changes],
}
