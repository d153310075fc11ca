import { describe, expect, test } from 'vitest';
import { createFakeClock } from '../runtime/clock.ts';
import { FleetError } from '../runtime/errors.ts';
import { createLog } from '../runtime/log.ts';
import { createBrokerFollower, namedBroker } from './broker-follower.ts';

const [old, elsewhere] = ['mqtt://127.0.0.1:1001', 'mqtt://127.0.0.1:1002'];
/** The longest wait before the first question, ms. */
const firstWaitMs = 3200;

/** A member whose attempts to connect fail when the test says so; `answers` are the control plane's, the last one for ever. */
function follow(answers: readonly (string | undefined)[]) {
  const clock = createFakeClock();
  const listeners = new Map<'connect' | 'disconnect', () => void>();
  const [moved, kept, asked]: [string[], string[], number[]] = [[], [], []];
  const connection = {
    onConnect: (listener: () => void) => void listeners.set('connect', listener),
    onDisconnect: (listener: () => void) => void listeners.set('disconnect', listener),
    moveTo: (url: string) => void moved.push(url),
  };
  const data = { ...connection, onConnect: () => undefined, onDisconnect: () => undefined };
  const follower = createBrokerFollower({
    connections: [connection, data],
    url: old,
    async ask() {
      asked.push(clock.nowMs());
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      if (answer === undefined) throw new FleetError('http-failed', 'no control plane');
      return answer;
    },
    keep: async (url) => void kept.push(url),
    clock,
    random: () => 0.999_999,
    log: createLog('test', 'silent'),
  });
  /** Time goes by, and the answer, if any, comes. */
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  const fail = (times: number): void => {
    for (let i = 0; i < times; i += 1) listeners.get('disconnect')?.();
  };
  return { follower, moved, kept, asked, pass, fail, connect: () => listeners.get('connect')?.() };
}

describe('a member whose broker is not found', () => {
  test('asks after three attempts that failed, moves all its connections and keeps the address', async () => {
    const { moved, kept, asked, pass, fail } = follow([elsewhere]);
    fail(2);
    await pass(60_000);
    expect(asked).toEqual([]);
    fail(1);
    await pass(firstWaitMs);
    expect(asked).toHaveLength(1);
    expect(moved).toEqual([elsewhere, elsewhere]);
    expect(kept).toEqual([elsewhere]);
  });

  test('asks nobody where the broker is back in time', async () => {
    const { asked, pass, fail, connect } = follow([elsewhere]);
    fail(2);
    connect();
    fail(2);
    await pass(60_000);
    fail(1);
    connect();
    await pass(60_000);
    expect(asked).toEqual([]);
  });

  test('stays where it is while the control plane names the same address', async () => {
    const { moved, kept, asked, pass, fail } = follow([old]);
    fail(3);
    await pass(firstWaitMs);
    expect(asked).toHaveLength(1);
    expect([moved, kept]).toEqual([[], []]);
  });

  test('asks again after growing waits, at most 30 s, one question at a time, until it is answered', async () => {
    const { moved, asked, pass, fail } = follow([...Array.from({ length: 7 }, () => undefined), elsewhere]);
    for (let second = 0; second < 200; second += 1) {
      fail(5);
      await pass(1000);
    }
    const waits = asked.slice(0, 8).map((atMs, i) => atMs - (asked[i - 1] ?? 0));
    for (const [i, waitMs] of waits.entries()) {
      const longestMs = Math.min(30_000, firstWaitMs * 2 ** i);
      expect(waitMs).toBeGreaterThan(longestMs - 1);
      expect(waitMs).toBeLessThan(longestMs + 1000);
    }
    expect(moved).toEqual([elsewhere, elsewhere]);
  });

  test('asks no more when it is closed', async () => {
    const { follower, asked, pass, fail } = follow([elsewhere]);
    fail(3);
    follower.close();
    fail(3);
    await pass(60_000);
    expect(asked).toEqual([]);
  });
});

test('a broker whose address was configured is not asked for', () => {
  const settings = { controlPlaneUrl: 'http://127.0.0.1:1', dataFolder: 'unused' };
  expect(namedBroker({ ...settings, brokerUrl: old }, 'token', createFakeClock())).toBeUndefined();
  expect(namedBroker(settings, 'token', createFakeClock())).toBeDefined();
});
