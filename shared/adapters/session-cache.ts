import { FleetError } from '../runtime/errors.ts';
import type { OnnxSession } from './onnx-session.ts';

/** Loaded sessions by key, the least recently used first. INVARIANT never more than `maxSessions`. */
export interface SessionCache {
  /** @returns keys that were released to make room; a key that is loaded already stays as it is */
  load(key: string, create: () => Promise<OnnxSession>): Promise<string[]>;
  /** @throws {FleetError} `segment-not-loaded` */
  use(key: string): OnnxSession;
  release(key: string): Promise<void>;
  close(): Promise<void>;
}

export function createSessionCache(maxSessions: number): SessionCache {
  const sessions = new Map<string, OnnxSession>();

  async function release(key: string): Promise<void> {
    const session = sessions.get(key);
    sessions.delete(key);
    await session?.release();
  }

  return {
    async load(key, create) {
      if (sessions.has(key)) return [];
      const session = await create();
      const evicted = [...sessions.keys()].slice(0, Math.max(0, sessions.size - maxSessions + 1));
      for (const old of evicted) await release(old);
      sessions.set(key, session);
      return evicted;
    },
    use(key) {
      const session = sessions.get(key);
      if (session === undefined) throw new FleetError('segment-not-loaded', `segment ${key} is not loaded`);
      sessions.delete(key);
      sessions.set(key, session);
      return session;
    },
    release,
    async close() {
      for (const key of [...sessions.keys()]) await release(key);
    },
  };
}
