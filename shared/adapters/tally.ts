/** Counts what is waited for, by key. */
export interface Tally {
  has(key: string): boolean;
  /** Counts a key in until the work is over. */
  during<T>(key: string, work: Promise<T>): Promise<T>;
}

export function createTally(): Tally {
  const counts = new Map<string, number>();
  return {
    has: (key) => counts.has(key),
    async during(key, work) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      try {
        return await work;
      } finally {
        const left = (counts.get(key) ?? 1) - 1;
        if (left === 0) counts.delete(key);
        else counts.set(key, left);
      }
    },
  };
}
