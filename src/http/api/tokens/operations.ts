import { Type } from 'typebox'
import { type Group, operation } from '../operation.ts'
import { accessChange } from '../shapes/access.ts'
import { strict } from '../shapes/common.ts'
import { ownToken } from './own-token.ts'
import {
  accessor,
  handedOut,
  issue,
  issuedToken,
  issuedTokenOf,
  renewal,
  tokenInfo,
} from './shapes.ts'

const ofAccessor = strict({ accessor })

export const tokenOperations: Group = {
  name: 'Tokens',
  description: 'What callers show to be let in. The vault keeps a keyed hash of each.',
  operations: [
    ...ownToken,
    operation({
      id: 'listTokens',
      method: 'GET',
      path: '/tokens',
      summary: 'Those that hold, in the order in which they were issued',
      right: 'token',
      answer: strict({ tokens: Type.Array(tokenInfo) }),
      run: async ({ scope, call }) => ({ tokens: await scope.tokens.list(call) }),
    }),
    operation({
      id: 'issueToken',
      method: 'POST',
      path: '/tokens',
      summary:
        'A new token, which ends with the one that it is issued through, unless it is an orphan',
      description:
        'A caller hands on no more than it has: its own name, policies of its token or of its roles with all that deny ' +
        'something, and a text that the vault makes. For anything more it takes the right to `policy` besides.',
      right: 'token',
      body: issue,
      status: 201,
      answer: issuedToken,
      refusals: ['EXISTS'],
      run: async ({ scope, body, call }) => issuedTokenOf(await scope.tokens.issue(body, call)),
    }),
    operation({
      id: 'lookUpToken',
      method: 'POST',
      path: '/tokens/lookup',
      summary: 'What is known of a token, by the token itself, which is not used by it',
      right: 'token',
      body: strict({ token: handedOut('The token itself.') }),
      answer: tokenInfo,
      refusals: ['NOT_FOUND'],
      run: ({ scope, body, call }) => scope.tokens.lookup(body.token, call),
    }),
    operation({
      id: 'getToken',
      method: 'GET',
      path: '/tokens/{accessor}',
      summary: 'What is known of a token',
      right: 'token',
      params: ofAccessor,
      answer: tokenInfo,
      refusals: ['NOT_FOUND'],
      run: ({ scope, params, call }) => scope.tokens.get(params.accessor, call),
    }),
    operation({
      id: 'renewToken',
      method: 'POST',
      path: '/tokens/{accessor}/renew',
      summary: 'Puts the end of a token off',
      right: 'token',
      params: ofAccessor,
      body: renewal,
      answer: tokenInfo,
      refusals: ['NOT_FOUND'],
      run: ({ scope, params, body, call }) => scope.tokens.renew(params.accessor, body, call),
    }),
    operation({
      id: 'revokeToken',
      method: 'DELETE',
      path: '/tokens/{accessor}',
      summary: 'Ends a token, and all that were issued through it; nothing where it is not there',
      right: 'token',
      params: ofAccessor,
      answer: accessChange,
      run: ({ scope, params, call }) => scope.tokens.revoke(params.accessor, call),
    }),
  ],
}
