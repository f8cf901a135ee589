import type { At } from '../../decide/outcome.ts'
import type { HandedOn } from '../../decide/token-rights.ts'
import { type IssueIntent, issueToken, type Marked } from '../../decide/tokens.ts'
import { defined } from '../../defined.ts'
import { tokenRow } from '../../projections/tokens.ts'
import { HandedOutText } from '../../secret/handed-out-text.ts'
import type { Call } from '../call.ts'
import type { Engine } from '../engine.ts'
import { underPolicy } from '../permit.ts'
import { tokenAggregate } from './aggregates.ts'
import {
  checkBearer,
  checkCount,
  checkDuration,
  checkFlag,
  checkLabel,
  checkMeta,
  checkOwnText,
} from './checked.ts'
import { askedToHandOn, expectUncounted, handedOnUntil } from './handing-on.ts'
import { markedBy, randomText } from './marked.ts'
import { type IssuedToken, tokenInfoOf } from './token-info.ts'

/** What a token is to be. */
export interface IssueOptions {
  /** Whom it acts as: whoever issues it unless said. */
  readonly actor?: string
  /**
   * What it is held to, in place of the roles of its actor; those of the token that it is issued through unless said. A
   * policy that is not there gives nothing; `root` allows everything.
   */
  readonly policies?: readonly string[]
  /** Milliseconds that it holds; for good unless said. */
  readonly ttl?: number
  /** Milliseconds that it holds with all its renewals. */
  readonly maxTtl?: number
  /** Whether its end can be put off; true unless said. */
  readonly renewable?: boolean
  /** How often it may be shown. */
  readonly uses?: number
  /** For people. */
  readonly label?: string
  readonly meta?: Readonly<Record<string, string>>
  /** Whether it outlives the token that it is issued through. */
  readonly orphan?: boolean
  /**
   * The token itself, where the caller has one already: 16 to 256 printable ASCII characters, of the vault's host 4 at
   * the least. It is as good as it is hard to guess.
   */
  readonly token?: string
}

/** What was asked for, checked. */
type Asking = ReturnType<typeof readIssue>

/** Each of the options is read once. */
function readIssue(options: IssueOptions, call: Call) {
  const { actor, policies, ttl, maxTtl, renewable, uses, label, meta, orphan, token } = options
  return {
    bearer: checkBearer({ actor, policies }),
    lasting: {
      renewable: checkFlag('renewable', renewable) ?? true,
      ...defined({ ttl: checkDuration('ttl', ttl), maxTtl: checkDuration('maxTtl', maxTtl) }),
    },
    said: defined({
      uses: checkCount('uses', uses),
      label: checkLabel(label),
      meta: checkMeta(meta),
    }),
    orphan: checkFlag('orphan', orphan) ?? false,
    ownText: checkOwnText('token', token, call),
  }
}

export async function issueOn(
  engine: Engine,
  call: Call,
  options: IssueOptions,
): Promise<IssuedToken> {
  const asking = readIssue(options, call)
  const text = asking.ownText ?? randomText('mun_')
  const marked = markedBy(engine.handedOut, text)
  const { actor, context, limits } = call
  const tokens = engine.state.tokens.fold.state
  const states = { tokens, access: engine.state.access.fold.state }
  const wanted = askedToHandOn(engine, call, () => handedOn(call, asking))
  const command = underPolicy(call, wanted, {
    actor,
    context,
    aggregate: tokenAggregate(marked.mark.accessor),
    decide: (at) => issueToken(states, { ...intentOf(call, asking, at), ...marked }, at),
  })
  const [event] = await engine.append(command, limits)
  if (event?.type !== 'token.issued') throw new Error('expected a token that was issued')
  return { ...tokenInfoOf(tokenRow(tokens, event)), token: new HandedOutText(text) }
}

/** As whom it lets its bearer act: where nothing else is said, as whoever issues it. */
function bearerOf(
  { actor, permit }: Call,
  { bearer }: Asking,
): Pick<HandedOn, 'actor' | 'policies'> {
  const policies = bearer.policies ?? permit?.holder.policies
  return { actor: bearer.actor ?? actor, ...defined({ policies }) }
}

function handedOn(call: Call, asking: Asking): HandedOn {
  const outlives = asking.orphan && call.permit?.token !== undefined
  return { ...bearerOf(call, asking), outlives, hasOwnText: asking.ownText !== undefined }
}

function intentOf(call: Call, asking: Asking, { now }: At): Omit<IssueIntent, keyof Marked> {
  const through = call.permit?.token?.()
  expectUncounted(call, 'issues no other')
  const bearer = bearerOf(call, asking)
  const until = bearer.policies === undefined ? undefined : handedOnUntil(call, now)
  return {
    ...bearer,
    ...asking.said,
    ...asking.lasting,
    ...defined({ until }),
    parent: asking.orphan ? undefined : through,
  }
}
