import { UsageError } from '../failure.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** `127.0.0.1:8200`, `[::1]:8200`, `:8200` for every interface. */
export function listenAddress(text: string, option = '--listen'): ListenAddress {
  const [, six, four, digits] = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^[\]:]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) {
    throw new UsageError(`${option}: expected HOST:PORT, such as 127.0.0.1:8200 or [::1]:8200`)
  }
  return { host: six ?? (four || '::'), port }
}
