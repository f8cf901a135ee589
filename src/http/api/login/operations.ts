import { Type } from 'typebox'
import { originOf } from '../../caller.ts'
import { type Group, openOperation } from '../operation.ts'
import { strict } from '../shapes/common.ts'
import { handedOut, issuedToken, issuedTokenOf } from '../tokens/shapes.ts'

export const loginOperations: Group = {
  name: 'Login',
  description: 'How an application gets its token.',
  operations: [
    openOperation({
      id: 'logIn',
      open: true,
      method: 'POST',
      path: '/login',
      summary: 'A token for an application that logs in',
      description:
        'Takes no token. A login that fails is on record, with the address that it came from, and is answered the later ' +
        'the more of them came.',
      body: strict({
        roleId: Type.String({ minLength: 1 }),
        secretId: Type.Optional(handedOut('Where the application is asked for one.')),
      }),
      answer: issuedToken,
      refusals: ['DENIED'],
      run: async ({ vault, request, body }) =>
        issuedTokenOf(await vault().login(body, originOf(request))),
    }),
  ],
}
