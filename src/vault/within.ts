import { VaultError } from '../errors.ts'

/** The work's result, or `TIMEOUT`; the work itself goes on. */
export async function within<T>(timeout: number, work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(new VaultError('TIMEOUT', `${what} did not end within ${timeout} ms; it goes on`)),
      timeout,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
