import type { FastifyInstance } from 'fastify'
import type { RouteOptions } from '../route.ts'
import { appRoleRoutes } from './app-role.ts'
import { loginRoutes } from './login.ts'
import { secretIdRoutes } from './secret-id.ts'
import { tokenRoutes } from './token.ts'

/** Who is let in: tokens below `/v1/auth/token/`, applications below `/v1/auth/approle/`. */
export function authRoutes(app: FastifyInstance, { served }: Pick<RouteOptions, 'served'>): void {
  tokenRoutes(app)
  appRoleRoutes(app)
  secretIdRoutes(app)
  loginRoutes(app, { served })
}
