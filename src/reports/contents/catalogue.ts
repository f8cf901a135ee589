import type { Report } from '../report.ts'
import { accessReview } from './access-review.ts'
import { auditTrail } from './audit-trail.ts'
import { denials } from './denials.ts'
import { erasure } from './erasure.ts'
import { exposure } from './exposure.ts'
import { integrity } from './integrity.ts'
import { keys } from './keys.ts'
import { privileged } from './privileged.ts'
import { rotation } from './rotation.ts'

/** A report that every vault can make. */
export interface BuiltInReport {
  readonly number: `R${number}`
  /** Controls whose questions it answers. */
  readonly controls: readonly string[]
  readonly definition: Report<unknown>
}

/** In the order of their numbers. */
export const builtInReports: readonly BuiltInReport[] = [
  builtIn(auditTrail, 'R1', [
    'PCI DSS 10.2.1.1–7',
    'PCI DSS 10.2.2',
    'ISO/IEC 27001 A.5.17, A.8.5, A.8.15',
    'HIPAA 164.312',
    'OWASP Secrets Management 2.6',
  ]),
  builtIn(exposure, 'R1', ['PCI DSS 10.2.1.1–7', 'SOC 2 CC7.2–7.3']),
  builtIn(rotation, 'R2', ['PCI DSS 8.3, 8.6.3', 'NIST SP 800-53 IA-5']),
  builtIn(keys, 'R3', [
    'PCI DSS 3.6.1, 3.7.1–5',
    'NIST SP 800-57',
    'ISO/IEC 27001 A.8.24',
    'DORA RTS 2024/1774 art. 7',
  ]),
  builtIn(erasure, 'R4', ['GDPR art. 17']),
  builtIn(accessReview, 'R5', ['SOC 2 CC6.1–6.3', 'HIPAA 164.312']),
  builtIn(denials, 'R6', [
    'PCI DSS 10.4–10.7',
    'SOC 2 CC7.2–7.3',
    'NIST SP 800-53 AU-6',
    'OWASP Secrets Management 2.6',
  ]),
  builtIn(privileged, 'R7', ['PCI DSS 10.2.1.1–7']),
  builtIn(integrity, 'R8', [
    'PCI DSS 10.3',
    'PCI DSS 10.4–10.7',
    'NIST SP 800-53 AU-5',
    'ISO/IEC 27001 A.8.15, A.8.24',
    'HIPAA 164.312',
  ]),
]

/** A report's state goes from its projection to its rows and nowhere else: whoever runs it need not know of what type. */
function builtIn<S>(
  report: Report<S>,
  number: BuiltInReport['number'],
  controls: readonly string[],
): BuiltInReport {
  return { number, controls, definition: report as unknown as Report<unknown> }
}
