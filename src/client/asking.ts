import type { CallOptions } from '../index.ts'

/** How a server is reached. */
export interface ServerOptions {
  /** `https://vault.internal:8200`. */
  readonly server: string | URL
  /** What lets its bearer act, or what gives it before each request; absent for what takes none, as `logIn` does. */
  readonly token?: string | (() => string | Promise<string>)
  /** Instead of the platform's own. */
  readonly fetch?: typeof fetch
  /** Milliseconds until a request whose answer has not begun is given up; 30,000 unless said. */
  readonly timeout?: number
  /** How often what may be sent again is sent again; 3 unless said, 0 for never. */
  readonly retries?: number
}

type Scalar = string | number | boolean

/** One request. */
export interface Asking {
  /** GET unless said. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below `/api/v1`, as `at` makes it. */
  readonly path: string
  readonly query?: Readonly<Record<string, Scalar | readonly Scalar[] | undefined>>
  readonly body?: object
  readonly call?: CallOptions
  readonly accept?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Told once the answer has begun: its head is here, and refuses nothing. */
  readonly onAnswer?: () => void
  /**
   * Whether it may be sent again although nobody knows what came of it. Unless said, a look may, and a change whose event
   * has an id; what is known to have done nothing is sent again in any case.
   */
  readonly repeatable?: boolean
}
