/*
 * What changes of tokens and secret ids are told apart by in a commit, so that no use is counted against a state that
 * another use has changed. No path of a secret holds a `*`, so that none is taken for one of them.
 */

export function tokenAggregate(accessor: string): string {
  return `token*${accessor}`
}

export function secretIdAggregate(accessor: string): string {
  return `secret-id*${accessor}`
}

export function appRoleAggregate(name: string): string {
  return `approle*${name}`
}
