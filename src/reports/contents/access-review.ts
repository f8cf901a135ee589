import { accessMatrix, type MatrixRow } from '../../access/matrix.ts'
import { parseRuleName } from '../../access/rule-name.ts'
import type { PolicyRule } from '../../events/catalogue.ts'
import { parsePattern } from '../../events/pattern.ts'
import { type AccessState, access } from '../../projections/access.ts'
import { type AppRolesState, appRoles } from '../../projections/app-roles.ts'
import { combined } from '../../projections/combined.ts'
import type { Cell, FoldedReport, ReportRow } from '../report.ts'
import {
  type AccessUses,
  type AssertedUse,
  accessUses,
  grantKey,
  type HostUse,
} from './access-uses.ts'
import { columns } from './columns.ts'
import { type Filter, filterOf, isBy, overlap } from './filter.ts'
import { type TokenUses, tokenUses } from './token-uses.ts'
import { ruleKey, type Use } from './uses.ts'

interface AccessReview {
  readonly access: AccessState
  readonly appRoles: AppRolesState
  readonly uses: AccessUses
  readonly tokens: TokenUses
}

/** R5: who may do what, who said so, and whether it was ever used. */
export const accessReview: FoldedReport<AccessReview> = {
  name: 'access-review',
  version: 2,
  title: 'Access review',
  question: 'Who had access to what on that day, who granted it, and is it used?',
  span: 'moment',
  params: ['actor', 'subject'],
  columns: columns({
    actor: 'text',
    role: 'text',
    token: 'id',
    label: 'text',
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
    return combined('report-access-review', {
      access,
      appRoles,
      uses: accessUses,
      tokens: tokenUses,
    })
  },
  *rows(view, { params, asOf }) {
    const filter = filterOf(params)
    yield* heldRows(view, filter, asOf.time)
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
 * - `in_force`: a grant of the log, or a token that holds · `expired`: a grant that ran out and was not withdrawn
 * - `empty`: a role, a token or an application that has no rules · `may_log_in`: an application that has some
 * - `asserted`: the host says that the actor has the role · `host`: the vault's own handle, which no rule restricts
 */
type Status = 'in_force' | 'expired' | 'empty' | 'may_log_in' | 'asserted' | 'host'

/** What grants, applications and tokens bring. */
function* heldRows(
  view: AccessReview,
  filter: Filter,
  now: number,
): Generator<ReportRow, void, void> {
  const { access, appRoles, tokens } = view
  let told: number | undefined
  for (const row of accessMatrix(access, { now, tokens: tokens.tokens, appRoles })) {
    if (!isBy(filter, row.actor) || !speaksOf(row.rule, filter)) continue
    const rules = usesOf(view, row)
    const use = row.rule && rules?.get(ruleKey(row.rule.name, row.rule.position))
    const status = statusOf(row)
    // Of the rows of one grant, the first says so.
    const isUnused = rules === undefined && status !== 'expired' && told !== row.granted
    told = row.granted
    yield {
      position: row.granted,
      cells: {
        actor: row.actor,
        ...sourceCells(row),
        rule: row.rule?.name ?? null,
        ...ruleCells(row.rule),
        granted_by: row.grantedBy,
        granted_at: row.grantedAt,
        expires_at: row.expiresAt ?? null,
        ...useCells(use),
        status,
      },
      ...(isUnused && { finding: `never used since it was ${begun(row)}` }),
    }
  }
}

function usesOf(
  { uses, tokens }: AccessReview,
  { actor, role, token, approle }: MatrixRow,
): ReadonlyMap<string, Use> | undefined {
  if (token !== undefined) return tokens.own.get(token.accessor)
  if (approle !== undefined) return tokens.applications.get(approle)
  return uses.granted.get(grantKey(actor, role))
}

/** What brings the rule. */
function sourceCells({ role, token, approle }: MatrixRow): Readonly<Record<string, Cell>> {
  if (token !== undefined) {
    const label = token.label ?? token.approle ?? null
    return { role: '(token)', token: token.accessor, label }
  }
  return approle === undefined ? { role } : { role: '(approle)', label: approle }
}

function begun({ token, approle }: MatrixRow): string {
  if (token !== undefined) return 'issued'
  return approle === undefined ? 'granted' : 'written'
}

function statusOf({ expired, rule, approle }: MatrixRow): Status {
  if (expired) return 'expired'
  if (rule === undefined) return 'empty'
  return approle === undefined ? 'in_force' : 'may_log_in'
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
