/** What the sessions of one thread may take. */
export interface SessionBudget {
  /** Sessions kept loaded. */
  readonly maxSessions: number;
  /** Memory that they should take together, bytes, by `estimatedSessionBytes`. */
  readonly maxSessionBytes: number;
}

/**
 * Which sessions a thread holds, kept by its client: loading one more lets those go that were used longest ago.
 * INVARIANT: a session that somebody still needs stays, even where the budget is exceeded by it.
 */
export interface SessionLedger {
  has(key: string): boolean;
  /** Bytes that its sessions are estimated to take. */
  readonly bytes: number;
  /**
   * @param bytes of a session that is about to be loaded
   * @param isNeeded whether a session has work pending
   * @returns keys that have to go before; from now on they count as gone
   */
  makeRoom(bytes: number, isNeeded: (key: string) => boolean): string[];
  add(key: string, bytes: number): void;
  /** It is the one used last. */
  use(key: string): void;
  remove(key: string): void;
}

export function createSessionLedger({ maxSessions, maxSessionBytes }: SessionBudget): SessionLedger {
  /** Bytes by key, the one used longest ago first. */
  const sessions = new Map<string, number>();
  const total = (): number => [...sessions.values()].reduce((sum, bytes) => sum + bytes, 0);
  const isTooMuch = (more: number): boolean => sessions.size >= maxSessions || total() + more > maxSessionBytes;

  return {
    has: (key) => sessions.has(key),
    get bytes() {
      return total();
    },
    makeRoom(bytes, isNeeded) {
      const gone: string[] = [];
      for (const key of [...sessions.keys()]) {
        if (!isTooMuch(bytes)) break;
        if (isNeeded(key)) continue;
        sessions.delete(key);
        gone.push(key);
      }
      return gone;
    },
    add: (key, bytes) => void sessions.set(key, bytes),
    use(key) {
      const bytes = sessions.get(key);
      if (bytes === undefined) return;
      sessions.delete(key);
      sessions.set(key, bytes);
    },
    remove: (key) => void sessions.delete(key),
  };
}
