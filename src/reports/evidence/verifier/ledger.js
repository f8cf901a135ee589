import { Refusal } from './bytes.js'

/** @import { Bytes } from './bytes.js' */
/** @import { ReadFile } from './files.js' */

/**
 * What became of one file: `says` what holds, `problems` what does not.
 *
 * @typedef {object} FileResult
 * @property {string} name
 * @property {number | undefined} size
 * @property {string[]} says
 * @property {string[]} problems
 */

/** The files that were read, and what is found of each. */
export class Ledger {
  /** @type {Map<string, ReadFile>} */
  files = new Map()
  /** @type {Map<string, FileResult>} */
  #results = new Map()

  /**
   * @param {string} name
   * @param {string} words
   */
  say(name, words) {
    this.#of(name).says.push(words)
  }

  /**
   * @param {string} name
   * @param {string} words
   */
  refuse(name, words) {
    this.#of(name).problems.push(words)
  }

  /**
   * Takes a file apart, where it is there. What refuses it is noted, and the others are read all the same.
   *
   * @template T
   * @param {string} name
   * @param {(bytes: Bytes) => T | Promise<T>} read
   * @returns {Promise<T | undefined>}
   */
  async attempt(name, read) {
    const file = this.files.get(name)
    if (file === undefined) return undefined
    return this.guard(name, () => {
      if (file.bytes === undefined) throw new Refusal('it is larger than such a file can be')
      return read(file.bytes)
    })
  }

  /**
   * @template T
   * @param {string} name
   * @param {() => T | Promise<T>} work
   * @returns {Promise<T | undefined>}
   */
  async guard(name, work) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.refuse(name, error.message)
      return undefined
    }
  }

  /** @param {RegExp} form */
  namesLike(form) {
    return [...this.files.keys()].filter((name) => form.test(name)).sort(compareNames)
  }

  /** @returns {readonly FileResult[]} in the order of their names */
  results() {
    return [...this.#results.values()].sort((a, b) => compareNames(a.name, b.name))
  }

  /**
   * @param {string} name
   * @returns {FileResult}
   */
  #of(name) {
    const size = this.files.get(name)?.size
    const found = this.#results.get(name) ?? { name, size, says: [], problems: [] }
    this.#results.set(name, found)
    return found
  }
}

/**
 * @param {string} a
 * @param {string} b
 */
function compareNames(a, b) {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/**
 * `1234567` as `1,234,567`.
 *
 * @param {number} value
 */
export function grouped(value) {
  return String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')
}
