import { firstValueFrom, take, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import {
  accesses,
  defineProjection,
  FoldError,
  memoryStore,
  project,
  rotations,
  secrets,
  versions,
} from '../../src/index.ts'
import { given, testVault } from '../../src/testing.ts'

const writes = defineProjection({
  name: 'writes-by-actor',
  version: 1,
  initial: () => new Map<string, number>(),
  on: {
    'secret.written': (state, event) => {
      state.set(event.actor, (state.get(event.actor) ?? 0) + 1)
    },
  },
})

const faulty = defineProjection({
  name: 'faulty',
  version: 1,
  initial: () => ({ seen: 0 }),
  on: {
    'secret.written': (state, event) => {
      if (event.subject === 'bad') throw new Error('cannot fold this')
      state.seen++
    },
  },
})

describe('a live projection', () => {
  it('starts with what is there, goes on with what comes, and can be waited for', async () => {
    const { vault } = await testVault({ a: 'x', b: 'x' })
    const live = await vault.project(writes)
    const { position } = await vault.write('c', 'x', { actor: 'user/ana' })
    const view = await live.waitFor(position)
    expect([...view]).toEqual([
      ['test', 2],
      ['user/ana', 1],
    ])
    expect(live.position).toBeGreaterThan(position)
    expect(live.status.state).toBe('current')
    await vault.close()
    expect(live.status.state).toBe('closed')
  })

  it('shows a view that cannot be written to', async () => {
    const { vault } = await testVault({ a: 'x' })
    const live = await vault.project(secrets)
    expect(live.view.get('a')?.version).toBe(1)
    expect('set' in live.view).toBe(false)
  })

  it('emits its state once a commit', async () => {
    const { vault } = await testVault({ a: 'x' })
    const live = await vault.project(rotations)
    const emitted = firstValueFrom(live.view$.pipe(take(3), toArray()))
    await vault.rotate('a', '1')
    await vault.rotate('a', '2')
    expect((await emitted).map(({ position }) => position)).toEqual([3, 4, 5])
    const counted = firstValueFrom(vault.events$.pipe(project(rotations), take(5), toArray()))
    expect((await counted).at(-1)?.view.get('a')?.count).toBe(2)
  })

  it('says where it faulted, and never goes quiet', async () => {
    const { vault } = await testVault({ a: 'x' })
    const live = await vault.project(faulty)
    const { position } = await vault.write('bad', 'x')
    await expect(live.waitFor(position)).rejects.toThrow(FoldError)
    expect(live.status).toMatchObject({ state: 'faulted', position })
    expect((live.status.fault as FoldError).message).toBe(
      `projection faulty failed at position ${position}`,
    )
    expect((await vault.write('b', 'x')).version).toBe(1)
    await expect(live.waitFor(position)).rejects.toThrow(FoldError)
  })

  it('folds no event twice after a fault, and none after it was closed', async () => {
    const { vault } = await testVault({ a: 'x' })
    const faulted = await vault.project(faulty)
    const { position } = await vault.write('bad', 'x')
    await expect(faulted.waitFor(position)).rejects.toThrow(FoldError)
    await expect(firstValueFrom(faulted.view$.pipe(take(2), toArray()))).rejects.toThrow(FoldError)
    expect([faulted.position, faulted.view.seen]).toEqual([position, 1])
    const closed = await vault.project(writes)
    await closed.waitFor(position)
    closed.close()
    const seen = closed.position
    const other = await vault.project(writes)
    const { position: later } = await vault.write('c', 'x')
    await other.waitFor(later)
    expect([closed.position, closed.status.state]).toEqual([seen, 'closed'])
    const both = await Promise.allSettled([
      vault.project({ ...writes, name: 'one' }),
      vault.project({ ...writes, name: 'one' }),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('can be waited for no longer than its caller wants', async () => {
    const { vault } = await testVault()
    const live = await vault.project(accesses)
    const waiting = live.waitFor(1000, { signal: AbortSignal.timeout(5) })
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('has a name that no other live one has', async () => {
    const { vault } = await testVault()
    const live = await vault.project(writes)
    await expect(vault.project({ ...writes })).rejects.toMatchObject({ code: 'EXISTS' })
    await expect(vault.project({ ...writes, name: 'secrets' })).rejects.toMatchObject({
      code: 'EXISTS',
    })
    live.close()
    expect((await vault.health()).projections).toEqual([])
    await vault.project(writes)
    expect((await vault.health()).projections).toMatchObject([{ name: 'writes-by-actor' }])
  })

  it('is kept over a reopening, and replayed when its version is another', async () => {
    const store = memoryStore()
    const { vault } = await testVault({ a: 'x', b: 'x' }, { store })
    const live = await vault.project(writes)
    await live.waitFor((await vault.health()).size - 1)
    await vault.reopen()
    let folded = 0
    const counting = (version: number) => ({
      ...writes,
      version,
      on: {
        'secret.written': (state: Map<string, number>) => {
          folded++
          state.set('folded', folded)
        },
      },
    })
    live.close()
    const kept = await vault.project(counting(1))
    await kept.waitFor((await vault.health()).size - 1)
    expect([folded, kept.view.get('test')]).toEqual([0, 2])
    kept.close()
    const replayed = await vault.project(counting(2))
    await replayed.waitFor((await vault.health()).size - 1)
    expect([folded, replayed.view.get('test')]).toEqual([2, undefined])
  })
})

describe('a replay', () => {
  it('shows the state at a position and at a time', async () => {
    const { vault, clock } = await testVault({ a: 'x' })
    clock.advance(1000)
    const noon = new Date(clock.now())
    const { position } = await vault.rotate('a', 'y')
    clock.advance(1000)
    await vault.rotate('a', 'z')
    const at = async (moment: { position: number } | { time: Date }) =>
      (await vault.replay(secrets, { at: moment })).view.get('a')?.version
    expect(await at({ position })).toBe(2)
    expect(await at({ position: position - 1 })).toBe(1)
    expect(await at({ time: noon })).toBe(2)
    expect(await at({ time: new Date(noon.getTime() - 1) })).toBe(1)
    expect(await at({ time: new Date(0) })).toBeUndefined()
    expect((await vault.replay(secrets)).view.get('a')?.version).toBe(3)
    await expect(vault.replay(secrets, { at: { position: 99 } })).rejects.toMatchObject({
      code: 'INVALID',
    })
  })

  it('reports its progress and can be stopped', async () => {
    const { vault } = await testVault({ a: 'x' })
    await Promise.all(Array.from({ length: 5000 }, () => vault.read('a')))
    const seen: number[] = []
    const replayed = await vault.replay(versions, {
      onProgress: ({ position, size }) => seen.push(position / size),
    })
    expect(replayed.position).toBe(5003)
    expect(seen.length).toBeGreaterThan(1)
    expect(seen.at(-1)).toBe(1)
    const abort = new AbortController()
    const stopped = vault.replay(versions, {
      signal: abort.signal,
      onProgress: () => abort.abort(),
    })
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('a definition', () => {
  it.each([
    ['a name', { ...writes, name: 'Writes' }, /name/],
    ['a version', { ...writes, version: 0 }, /version/],
    ['an unknown event', { ...writes, on: { 'secret.red': () => undefined } }, /secret\.red/],
    ['a state that is no object', { ...writes, initial: () => 0 as never }, /state/],
  ])('is refused: %s', (_, definition, message) => {
    expect(() => defineProjection(definition as typeof writes)).toThrow(message)
  })

  it('can be tested with given events', () => {
    const meta = { type: 'generic' } as const
    const sealed = { keyId: Buffer.alloc(32), box: Buffer.alloc(80), changed: true, meta }
    given({
      type: 'secret.written',
      actor: 'user/ana',
      subject: 'a',
      data: { version: 1, ...sealed },
    })
      .when(writes)
      .expect((state) => expect(state.get('user/ana')).toBe(1))
  })
})
