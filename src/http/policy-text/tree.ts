/** What HCL and JSON have in common, with the place of each part in the text, so that a refusal can name it. */
export type Tree = TextTree | ListTree | ObjectTree | OtherTree

export interface TextTree {
  readonly kind: 'string'
  readonly at: number
  readonly text: string
}

export interface ListTree {
  readonly kind: 'list'
  readonly at: number
  readonly items: readonly Tree[]
}

export interface ObjectTree {
  readonly kind: 'object'
  readonly at: number
  readonly members: readonly Member[]
}

/** A number, a truth value or null: no policy has any. */
export interface OtherTree {
  readonly kind: 'other'
  readonly at: number
}

export interface Member {
  readonly name: string
  readonly at: number
  readonly value: Tree
}

/** A text, and how far it is read. */
export interface Cursor {
  readonly text: string
  at: number
}
