import { accessMatrix, type MatrixRow } from '../../access/matrix.ts'
import { parseRuleName } from '../../access/rule-name.ts'
import type { PolicyRule } from '../../events/catalogue.ts'
import { parsePattern } from '../../events/pattern.ts'
import { type AccessState, access } from '../../projections/access.ts'
import { combined } from '../../projections/combined.ts'
import type { Cell, FoldedReport, ReportRow } from '../report.ts'
import {
  type AccessUses,
  type AssertedUse,
  accessUses,
  grantKey,
  type HostUse,
  ruleKey,
  type Use,
} from './access-uses.ts'
import { columns } from './columns.ts'
import { type Filter, filterOf, isBy, overlap } from './filter.ts'

interface AccessReview {
  readonly access: AccessState
  readonly uses: AccessUses
}

/** R5: who may do what, who said so, and whether it was ever used. */
export const accessReview: FoldedReport<AccessReview> = {
  name: 'access-review',
  version: 1,
  title: 'Access review',
  question: 'Who had access to what on that day, who granted it, and is it used?',
  span: 'moment',
  params: ['actor', 'subject'],
  columns: columns({
    actor: 'text',
    role: 'text',
    rule: 'text',
    effect: 'status',
    capabilities: 'list',
    paths: 'list',
    granted_by: 'text',
    granted_at: 'time',
    expires_at: 'time',
    last_used: 'time',
    uses: 'number',
    unused: 'status',
    status: 'status',
  }),
  judges: true,
  projection: ({ params }) => {
    filterOf(params)
    return combined('report-access-review', { access, uses: accessUses })
  },
  *rows(view, { params, asOf }) {
    const filter = filterOf(params)
    yield* grantRows(view, filter, asOf.time)
    for (const [, use] of view.uses.asserted.inOrder()) {
      const rule = ruleOf(view.access, use)
      if (isBy(filter, use.actor) && speaksOf(rule, filter)) yield assertedRow(use, rule)
    }
    for (const [, use] of view.uses.host.inOrder()) {
      if (isBy(filter, use.actor)) yield hostRow(use)
    }
  },
}

/**
 * - `in_force`: a grant of the log · `expired`: one that ran out and was not withdrawn · `empty`: its role has no rules
 * - `asserted`: the host says that the actor has the role · `host`: the vault's own handle, which no rule restricts
 */
type Status = 'in_force' | 'expired' | 'empty' | 'asserted' | 'host'

function* grantRows(
  { access, uses }: AccessReview,
  filter: Filter,
  now: number,
): Iterable<ReportRow> {
  let told: number | undefined
  for (const row of accessMatrix(access, { now })) {
    if (!isBy(filter, row.actor) || !speaksOf(row.rule, filter)) continue
    const rules = uses.granted.get(grantKey(row.actor, row.role))
    const use = row.rule && rules?.get(ruleKey(row.rule.name, row.rule.position))
    const status = statusOf(row)
    // Of the rows of one grant, the first says so.
    const isUnused = rules === undefined && status !== 'expired' && told !== row.granted
    told = row.granted
    yield {
      position: row.granted,
      cells: {
        actor: row.actor,
        role: row.role,
        rule: row.rule?.name ?? null,
        ...ruleCells(row.rule),
        granted_by: row.grantedBy,
        granted_at: row.grantedAt,
        expires_at: row.expiresAt ?? null,
        ...useCells(use),
        status,
      },
      ...(isUnused && { finding: 'never used since it was granted' }),
    }
  }
}

function statusOf({ expired, rule }: MatrixRow): Status {
  if (expired) return 'expired'
  return rule === undefined ? 'empty' : 'in_force'
}

/** Without a rule, whether it speaks of some paths is not asked. */
function speaksOf(rule: PolicyRule | undefined, { subject }: Filter): boolean {
  if (subject === undefined) return true
  return rule?.paths.some((path) => overlap(parsePattern(path), subject)) ?? false
}

/** The rule that was used, if it still stands as it did. */
function ruleOf({ policies }: AccessState, { decision }: AssertedUse): PolicyRule | undefined {
  const ref = parseRuleName(decision.rule)
  const policy = ref && policies.get(ref.policy)
  return policy?.position === decision.policy ? policy?.rules[ref?.index ?? -1] : undefined
}

function assertedRow(use: AssertedUse, rule: PolicyRule | undefined): ReportRow {
  const { role, rule: name, outcome } = use.decision
  return {
    position: use.position,
    cells: {
      actor: use.actor,
      role,
      rule: name === '' ? null : name,
      ...ruleCells(rule),
      effect: outcome,
      granted_by: 'asserted by the host',
      ...useCells(use),
      status: 'asserted' satisfies Status,
    },
  }
}

function hostRow(use: HostUse): ReportRow {
  const by = use.authentication === null ? '' : ` (${use.authentication})`
  return {
    position: use.position,
    cells: {
      actor: use.actor,
      role: '(host)',
      effect: 'allow',
      paths: ['**'],
      granted_by: `whoever opened the vault${by}`,
      ...useCells(use),
      status: 'host' satisfies Status,
    },
  }
}

function ruleCells(rule: PolicyRule | undefined): Readonly<Record<string, Cell>> {
  return {
    effect: rule?.effect ?? null,
    capabilities: rule?.capabilities ?? [],
    paths: rule?.paths ?? [],
  }
}

function useCells(use: Use | undefined): Readonly<Record<string, Cell>> {
  const unused = use === undefined ? 'unused' : 'used'
  return { last_used: use?.last ?? null, uses: use?.count ?? 0, unused }
}
