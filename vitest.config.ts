import { defineConfig } from 'vitest/config';

// Tests run as compiled: worker threads and child processes need real JavaScript files, and what is tested is what ships.
export default defineConfig({
  test: {
    include: ['dist/**/*.test.js'],
    exclude: ['node_modules/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
