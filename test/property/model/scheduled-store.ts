import type fc from 'fast-check'
import type { Store, StoreOpener } from '../../../src/store/port.ts'

/** Lets a scheduler decide in which order a store's commits and reads begin and end, while it is on. */
export class Scheduled {
  scheduler: fc.Scheduler | undefined

  through(opener: StoreOpener): StoreOpener {
    return {
      create: async () => this.#wrap(await opener.create()),
      open: async () => this.#wrap(await opener.open()),
    }
  }

  #wrap(store: Store): Store {
    return {
      ...store,
      commit: (write) => this.#step('commit', () => store.commit(write)),
      read: (range) => this.#each(store.read(range)),
      keys: {
        ...store.keys,
        get: (id) => this.#step('keys.get', () => store.keys.get(id)),
      },
    }
  }

  async #step<T>(label: string, work: () => Promise<T>): Promise<T> {
    await this.#turn(`${label} begins`)
    const result = await work()
    await this.#turn(`${label} ends`)
    return result
  }

  async *#each<T>(items: AsyncIterable<T>): AsyncGenerator<T, void, void> {
    for await (const item of items) {
      await this.#turn('read')
      yield item
    }
  }

  async #turn(label: string): Promise<void> {
    await this.scheduler?.schedule(Promise.resolve(), label)
  }
}
