import { auditVerbs } from './audit.ts'
import { diffVerbs } from './diff.ts'
import { explainVerbs } from './explain.ts'
import { keyVerbs } from './keys.ts'
import { policyVerbs } from './policies.ts'
import { projectionVerbs } from './projections.ts'
import { proofVerbs } from './proofs.ts'
import { reportVerbs } from './reports.ts'
import { secretVerbs } from './secrets.ts'
import type { OpenSubject } from './subject.ts'
import { tokenVerbs } from './tokens.ts'
import { transferVerbs } from './transfer.ts'
import { watchVerbs } from './watch.ts'

/** Every suite: what is true of a vault whichever way it is reached. */
export function allVerbs(open: OpenSubject): void {
  secretVerbs(open)
  watchVerbs(open)
  auditVerbs(open)
  projectionVerbs(open)
  diffVerbs(open)
  reportVerbs(open)
  proofVerbs(open)
  transferVerbs(open)
  policyVerbs(open)
  tokenVerbs(open)
  explainVerbs(open)
  keyVerbs(open)
}
