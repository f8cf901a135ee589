import type { Served } from './served.ts'

/** What every module of routes is given. */
export interface RouteOptions {
  readonly served: Served
  /** The name under which the secrets are mounted, without slashes at its ends. */
  readonly mount: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route is for callers without a token; every other one is refused before its body is read. */
    open?: boolean
  }
}

/** PUT and POST are one. */
export const update = ['POST', 'PUT']
/** LIST and OpenBao's SCAN, under the names by which they pass the HTTP parser. */
export const list = 'LINK'
export const scan = 'BIND'

/** For a route that takes no token, as health, unsealing and logins do not. */
export const openRoute = { config: { open: true } } as const
