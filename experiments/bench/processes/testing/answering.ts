import { serveCalls } from '../serve-calls.ts';

// A process for tests: says again what it is told, fails when asked to, and ends when asked to.
serveCalls(
  {
    echo: async (argument) => argument,
    fail: async () => {
      throw new Error('as it was asked to');
    },
    async leave() {
      process.exit(3);
    },
  },
  async () => undefined,
);
