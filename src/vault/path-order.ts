import type { VaultEvent } from '../events/catalogue.ts'
import type { SortedPaths } from './sorted-paths.ts'

/** Keeps paths in their order as secrets and declarations come and go. */
export function putInOrder(
  { paths, declaredPaths }: { readonly paths: SortedPaths; readonly declaredPaths: SortedPaths },
  event: VaultEvent,
): void {
  const { type, subject } = event
  if (type === 'secret.written' && event.data.version === 1) {
    paths.add(subject)
    declaredPaths.delete(subject)
  } else if (type === 'secret.purged') paths.delete(subject)
  else if (type === 'secret.declared') declaredPaths.add(subject)
  else if (type === 'secret.undeclared') declaredPaths.delete(subject)
}
