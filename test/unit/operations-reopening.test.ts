import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ReopeningStep, SupervisedReopening } from '../../src/http/operations/reopening.ts'
import { VaultError } from '../../src/index.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { faultStore, testVault } from '../../src/testing.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const full = () => Promise.reject(new VaultError('NO_SPACE', 'no space is left'))

function supervised(reopen: () => Promise<void>) {
  const attempts = vi.fn(reopen)
  const steps: ReopeningStep[] = []
  const reopening = new SupervisedReopening(attempts, (step) => steps.push(step))
  return { reopening, attempts, steps }
}

describe('the opening of a vault after a failure', () => {
  it('is tried at once, and once for all who ask for it', async () => {
    const { reopening, attempts, steps } = supervised(async () => undefined)
    reopening.begin()
    reopening.begin()
    await vi.advanceTimersByTimeAsync(0)
    expect(attempts).toHaveBeenCalledTimes(1)
    expect(steps).toEqual([{ step: 'opened', attempt: 1 }])
    expect(reopening).toMatchObject({ opened: 1, failed: 0, hasGivenUp: false })
    reopening.begin()
    await vi.advanceTimersByTimeAsync(0)
    expect(attempts).toHaveBeenCalledTimes(2)
  })

  it('is tried after longer and longer waits, by itself, and then given up', async () => {
    const { reopening, attempts, steps } = supervised(full)
    reopening.begin()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(attempts).toHaveBeenCalledTimes(8)
    const waits = steps.map((step) => ('againIn' in step ? step.againIn : undefined))
    expect(waits).toEqual([1000, 5000, 15_000, 30_000, 60_000, 120_000, 360_000, undefined])
    expect(steps.at(-1)).toEqual({ step: 'given up', attempt: 8, code: 'NO_SPACE' })
    expect(reopening).toMatchObject({ opened: 0, failed: 8, hasGivenUp: true })
    reopening.begin()
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(attempts).toHaveBeenCalledTimes(8)
  })

  it('is over once an attempt is let in, and counts from one the next time', async () => {
    let left = 2
    const { reopening, steps } = supervised(() => (left-- > 0 ? full() : Promise.resolve()))
    reopening.begin()
    await vi.advanceTimersByTimeAsync(6000)
    expect(steps.at(-1)).toEqual({ step: 'opened', attempt: 3 })
    left = 1
    reopening.begin()
    await vi.advanceTimersByTimeAsync(0)
    expect(steps.at(-1)).toEqual({ step: 'failed', attempt: 1, code: 'NO_SPACE', againIn: 1000 })
  })

  it.each(['INTEGRITY', 'UNSUPPORTED', 'NOT_FOUND', 'CLOSED'] as const)(
    'is given up at once where no waiting helps: %s',
    async (code) => {
      const { reopening, attempts, steps } = supervised(() =>
        Promise.reject(new VaultError(code, 'it is so')),
      )
      reopening.begin()
      await vi.advanceTimersByTimeAsync(600_000)
      expect(attempts).toHaveBeenCalledTimes(1)
      expect(steps).toEqual([{ step: 'given up', attempt: 1, code }])
    },
  )

  it('ends where the vault is sealed meanwhile, and begins anew with its next opening', async () => {
    const { reopening, attempts, steps } = supervised(full)
    reopening.begin()
    await vi.advanceTimersByTimeAsync(0)
    reopening.stop()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(attempts).toHaveBeenCalledTimes(1)
    reopening.begin()
    await vi.advanceTimersByTimeAsync(0)
    expect(steps.at(-1)).toMatchObject({ step: 'failed', attempt: 1 })
    expect(reopening.hasGivenUp).toBe(false)
  })

  it('tells nothing of an attempt that ends after that', async () => {
    let refuse = (_: Error) => {}
    const { reopening, steps } = supervised(
      () =>
        new Promise((_, reject) => {
          refuse = reject
        }),
    )
    reopening.begin()
    reopening.stop()
    refuse(new VaultError('FAILED', 'late'))
    await vi.advanceTimersByTimeAsync(600_000)
    expect(steps).toEqual([])
  })

  it.each(['before', 'after'] as const)(
    'finds what is on disk, where the write failed %s it was stored',
    async (when) => {
      vi.useRealTimers()
      const store = faultStore(memoryStore())
      const { vault } = await testVault({}, { store })
      store.faults.fail('commit', { when })
      const failed = await vault.write('a', 'x').catch((error: VaultError) => error)
      expect(failed).toMatchObject({ code: 'UNCERTAIN' })
      const { reopening, steps } = supervised(() => vault.reopen())
      reopening.begin()
      await expect.poll(() => steps).toEqual([{ step: 'opened', attempt: 1 }])
      expect(await vault.exists('a')).toBe(when === 'after')
      await vault.close()
    },
  )
})
