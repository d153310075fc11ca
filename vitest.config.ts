import { defineConfig } from 'vitest/config';

/** Faults in their full count, which take minutes each: `npm run test:faults` alone runs these. */
const faults = 'dist/**/*.faults.test.js';

// Tests run as compiled: worker threads and child processes need real JavaScript files, and what is tested is what ships.
export default defineConfig({
  test: {
    reporters: ['default', ['json', { outputFile: 'test-output/vitest.json' }]],
    projects: [
      {
        test: {
          name: 'components',
          include: ['dist/**/*.test.js'],
          exclude: ['node_modules/**', 'dist/e2e/**', faults],
          // On all cores, many files a process: modules keep no state, and reading them anew took longer than most tests.
          maxWorkers: '100%',
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Whole platforms with deadlines to meet: one at a time, and nothing else beside it.
        test: {
          name: 'e2e',
          include: ['dist/e2e/**/*.test.js'],
          exclude: ['node_modules/**', faults],
          globalSetup: ['dist/e2e/testing/global-setup.js'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: [faults],
          globalSetup: ['dist/e2e/testing/global-setup.js'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 1_800_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
