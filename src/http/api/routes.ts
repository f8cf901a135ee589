import type { FastifyInstance } from 'fastify'
import { documentRoutes } from '../docs/routes.ts'
import type { RouteOptions } from '../route.ts'
import { appRoleOperations } from './app-roles/operations.ts'
import { auditOperations } from './audit/operations.ts'
import { diffOperations } from './diff/operations.ts'
import { explainOperations } from './explain/operations.ts'
import { keyOperations } from './keys/operations.ts'
import { loginOperations } from './login/operations.ts'
import type { Group } from './operation.ts'
import { policyOperations } from './policies/operations.ts'
import { projectionOperations } from './projections/operations.ts'
import { proofOperations } from './proofs/operations.ts'
import { reportOperations } from './reports/operations.ts'
import { roleOperations } from './roles/operations.ts'
import { rotationPolicyOperations } from './rotation-policies/operations.ts'
import { secretOperations } from './secrets/operations.ts'
import { serveOperation } from './serve-operation.ts'
import { statusOperations } from './status/operations.ts'
import { tokenOperations } from './tokens/operations.ts'
import { transferOperations } from './transfer/operations.ts'
import { verificationOperations } from './verifications/operations.ts'
import { watchOperations } from './watch/operations.ts'

/** Everything under `/api/v1`, in the order in which people read of it. */
export const groups: readonly Group[] = [
  secretOperations,
  watchOperations,
  auditOperations,
  projectionOperations,
  diffOperations,
  reportOperations,
  proofOperations,
  verificationOperations,
  transferOperations,
  policyOperations,
  roleOperations,
  rotationPolicyOperations,
  explainOperations,
  tokenOperations,
  appRoleOperations,
  loginOperations,
  keyOperations,
  statusOperations,
]

export function apiRoutes(app: FastifyInstance, { served }: RouteOptions): void {
  documentRoutes(app, groups)
  for (const { operations } of groups) {
    for (const operation of operations) serveOperation(app, operation, served)
  }
}
