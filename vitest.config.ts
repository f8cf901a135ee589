import { defineConfig } from 'vitest/config'

/** A path for a machine-readable report beside the one on the terminal. */
const report = process.env.MUNIMENT_TEST_REPORT

/** Replaying one failing property (CONTRIBUTING.md) is the only run that loads fast-check everywhere. */
const replaying = process.env.FC_SEED !== undefined

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/**/*.long.test.ts'],
    setupFiles: replaying ? ['test/fixtures/replay.ts'] : [],
    // Forks: native modules and signals belong to a process, and a crashed one must not take the runner along.
    pool: 'forks',
    maxWorkers: 2,
    // Above what any test needs alone: tests share two cores and one disk, and fsync waits for both.
    testTimeout: 20_000,
    hookTimeout: 20_000,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
})
