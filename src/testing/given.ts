import type { VaultEvent } from '../events/catalogue.ts'
import { type Projection, startFold } from '../projections/projection.ts'

/** What a test says of an event; the rest is filled in. */
export type GivenEvent = Pick<VaultEvent, 'type' | 'data'> & Partial<VaultEvent>

/**
 * Given events, a projection shows a state: how a projection of one's own is tested.
 *
 * @example
 * given({ type: 'secret.written', subject: 'a', actor: 'user/ana', data: written({ version: 1 }) })
 *   .when(writesByActor)
 *   .expect((state) => assert.equal(state.get('user/ana'), 1))
 */
export function given(...events: readonly GivenEvent[]) {
  const log = events.map(
    (event, position) =>
      ({
        schema: 1,
        id: `00000000-0000-7000-8000-${position.toString(16).padStart(12, '0')}`,
        time: position,
        actor: 'test',
        subject: '',
        context: {},
        ...event,
        position,
      }) as VaultEvent,
  )
  return {
    when: <S>(projection: Projection<S>) => {
      const fold = startFold(projection)
      fold.apply(log)
      return { expect: (check: (state: S) => void) => check(fold.state) }
    },
  }
}
