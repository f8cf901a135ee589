import type { OpenApiDocument, OperationObject } from '../api/openapi/openapi-types.ts'

/** An operation and where it stands. */
export interface PlacedOperation {
  /** `GET` */
  readonly method: string
  readonly path: string
  readonly operation: OperationObject
}

/** Every operation of a document, in its order. */
export function operationsOf({ paths }: OpenApiDocument): readonly PlacedOperation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  )
}
