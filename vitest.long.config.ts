import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** Every test: properties run more often (they read `MUNIMENT_LONG`), and those too long for each commit join. */
export default defineConfig({
  test: {
    ...base.test,
    exclude: [],
    env: { MUNIMENT_LONG: '1' },
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
})
