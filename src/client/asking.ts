import type { CallOptions } from '../index.ts'

/** How a server is reached. */
export interface ServerOptions {
  /** `https://vault.internal:8200`. */
  readonly server: string | URL
  /** What lets its bearer act, or what gives it before each request; absent for what takes none, as `logIn` does. */
  readonly token?: string | (() => string | Promise<string>)
  /** Instead of the platform's own. */
  readonly fetch?: typeof fetch
  /**
   * Milliseconds until a call that is not answered is given up, with all of its tries; 30,000 unless said. A call that has a
   * `timeout` of its own ends by that, with up to 2,000 more for the way there and back. An answer that comes in pieces (a
   * backup, an export, a report, a difference) has so long to begin; then it goes on for as long as no wait for its next
   * piece takes more than 60,000, or than this where it is more.
   */
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
  /** Another signal that ends it. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that the server is let wait before it answers. */
  readonly waitMs?: number
  /** Milliseconds of silence by which an answer that comes in pieces, once it has begun, is given up. */
  readonly silenceMs?: number
  /** The type of the answer; one that comes in pieces is of no other. */
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
