/** `util.inspect.custom` of Node, by its registered name: no module of Node's is needed to know it, in a browser either. */
const inspectCustom = Symbol.for('nodejs.util.inspect.custom')

const shown = '[secret]'

/** What shows itself only when asked by name: to loggers, to `JSON.stringify` and as text it is `[secret]`. */
export abstract class Concealed {
  toString(): string {
    return shown
  }

  toJSON(): string {
    return shown
  }

  [inspectCustom](): string {
    return shown
  }
}
