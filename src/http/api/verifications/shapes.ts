import { Type } from 'typebox'
import { date, oneOf, strict } from '../shapes/common.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })

const progress = strict({
  position: count('How many events are verified.'),
  size: count('Of how many.'),
})

const ownersCheck = oneOf(['checked', 'not checked: auditor'] as const)

/** What a verification found. */
const verification = strict({
  ok: Type.Boolean({ description: 'Whether nothing is amiss.' }),
  size: count('Of the log when it began.'),
  root: Type.Union([Type.String(), Type.Null()], {
    description: 'Root hash of all of them in hex; null where one could not be read.',
  }),
  events: count('That were read.'),
  commits: count('That were read.'),
  checkpoints: count('Beside the log, that hold.'),
  unsigned: count('Events past the last of those.'),
  anchored: count('Events, from the first on, that somebody outside the vault vouches for.'),
  macs: ownersCheck,
  keys: ownersCheck,
  problems: Type.Array(
    strict({
      code: Type.String({ examples: ['seal'] }),
      position: Type.Optional(count('The position, or the size, that it is about.')),
      message: Type.String(),
    }),
  ),
})

const problem = Type.Object(
  {},
  { description: 'Why it could not be done, as a refusal would say it (RFC 9457).' },
)

/** A verification as it stands. */
export const job = strict({
  id: Type.String({ format: 'uuid' }),
  state: oneOf(['running', 'done', 'failed', 'cancelled'] as const),
  startedAt: date('When it was begun.'),
  endedAt: Type.Optional(date('When it ended.')),
  progress,
  result: Type.Optional(verification),
  problem: Type.Optional(problem),
})

const vkey = (description: string) =>
  strict({
    name: Type.String(),
    type: oneOf(['ed25519', 'cosignature/v1'] as const),
    keyId: Type.String(),
    publicKey: Type.String({ contentEncoding: 'base64', description }),
  })

/** A checkpoint that was kept elsewhere, and by whose keys it holds. */
export const against = strict({
  checkpoint: Type.String({
    contentEncoding: 'base64',
    description: 'The signed note, as it was kept.',
  }),
  trust: Type.Optional(
    strict({
      log: vkey('32 bytes.'),
      witnesses: Type.Optional(Type.Array(vkey('32 bytes.'), { maxItems: 64 })),
    }),
  ),
})
