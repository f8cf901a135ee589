import { inspect } from 'node:util'

const shown = '[secret]'

/** What shows itself only when asked by name: to loggers, to `JSON.stringify` and as text it is `[secret]`. */
export abstract class Concealed {
  toString(): string {
    return shown
  }

  toJSON(): string {
    return shown
  }

  [inspect.custom](): string {
    return shown
  }
}
