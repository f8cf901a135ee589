import { Type } from 'typebox'
import { type AnyOperation, operation } from '../operation.ts'
import { accessChange } from '../shapes/access.ts'
import { strict } from '../shapes/common.ts'
import { capabilitiesAt, renewal, tokenInfo } from './shapes.ts'

/** What every token may do with itself. */
export const ownToken: readonly AnyOperation[] = [
  operation({
    id: 'getOwnToken',
    method: 'GET',
    path: '/tokens/self',
    summary: 'What is known of the token that the request shows',
    right: 'self',
    answer: tokenInfo,
    run: async ({ scope }) => scope.token,
  }),
  operation({
    id: 'renewOwnToken',
    method: 'POST',
    path: '/tokens/self/renew',
    summary: 'Puts the end of the token that the request shows off',
    right: 'self',
    body: renewal,
    answer: tokenInfo,
    run: ({ scope, body, call }) => scope.renewSelf(body, call),
  }),
  operation({
    id: 'revokeOwnToken',
    method: 'DELETE',
    path: '/tokens/self',
    summary: 'Ends the token that the request shows, and all that were issued through it',
    right: 'self',
    answer: accessChange,
    run: ({ scope, call }) => scope.revokeSelf(call),
  }),
  operation({
    id: 'ownCapabilities',
    method: 'GET',
    path: '/tokens/self/capabilities',
    summary: 'What the token lets its bearer do at a path, whatever is there',
    right: 'self',
    query: strict({
      path: Type.Optional(Type.String({ description: 'The vault itself unless said.' })),
    }),
    answer: capabilitiesAt,
    run: async ({ scope, query: { path = '' } }) => ({
      path,
      capabilities: scope.capabilities(path),
    }),
  }),
]
