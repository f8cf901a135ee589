import { Packr } from 'msgpackr'

/*
 * meta := msgpack [format, layout]
 *
 * Complete pages cover the positions from 0, the last page the rest up to `size`. Each names the base that is the nearest
 * before it, so that a moment is found without a list of bases. Loading reads the newest base and the pages since, however
 * long the log is.
 *
 * A capture is one atomic write, meta included: a page that names a base goes with that base, or after it. A crash before
 * it leaves what the meta of the capture before it names; a page that was lost is written again with the same content, as
 * the log alone decides about it.
 */

const format = 1
const packr = new Packr({ useRecords: false, variableMapSize: true })

/** Positions of the log. */
export interface ColumnSizes {
  /** That a page covers; at most 65,536. */
  readonly page: number
  /** Between two bases at the least; a multiple of `page`. */
  readonly base: number
}

export interface ColumnLayout {
  readonly seed: number
  readonly sizes: ColumnSizes
  /** Events that they have seen. */
  readonly size: number
  /** Page at whose start the newest base stands; 0 for none. */
  readonly base: number
}

export function encodeLayout(layout: ColumnLayout): Buffer {
  return packr.pack([format, layout])
}

/** Undefined for a meta of another format, or of pages of other sizes. */
export function decodeLayout(
  meta: Uint8Array,
  { page, base }: ColumnSizes,
): ColumnLayout | undefined {
  const [found, layout] = packr.unpack(meta) as readonly [number, ColumnLayout]
  const ours = found === format && layout.sizes.page === page && layout.sizes.base === base
  return ours ? layout : undefined
}
