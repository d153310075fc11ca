import { describe, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../shared/runtime/clock.ts';
import { decideAdmission } from './admission.ts';
import { createDispatcher, type Dispatcher, type Job } from './dispatcher.ts';

/** Jobs of a known cost on the fake clock; `log` says what became of each. */
function setUp(threads: number, maxQueued = 100) {
  const clock = createFakeClock();
  const dispatcher = createDispatcher({ threads, maxQueued, clock });
  const log: string[] = [];
  const job = (name: string, deadlineMs: number, costMs: number, takesMs = costMs): Job => ({
    deadlineMs,
    costMs: () => costMs,
    run: (thread) => {
      log.push(`${name} on ${thread}`);
      return new Promise((resolve) => clock.after(takesMs, () => resolve()));
    },
    expire: () => log.push(`${name} expired`),
  });
  return { clock, dispatcher, log, job };
}

async function runOut(clock: FakeClock, dispatcher: Dispatcher): Promise<void> {
  let done = false;
  const idle = dispatcher.idle().then(() => {
    done = true;
  });
  for (let i = 0; i < 1000 && !done; i += 1) {
    clock.advance(1);
    // What a finished job starts, it starts in microtasks.
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  }
  await idle;
}

describe('the dispatcher', () => {
  test('runs the earliest deadline first, equals in order of arrival', async () => {
    const { clock, dispatcher, log, job } = setUp(1);
    dispatcher.offer(job('running', 100, 5));
    dispatcher.offer(job('late', 300, 5));
    dispatcher.offer(job('soon', 50, 5));
    dispatcher.offer(job('late too', 300, 5));
    expect(dispatcher.queued).toBe(3);
    await runOut(clock, dispatcher);
    expect(log).toEqual(['running on 0', 'soon on 0', 'late on 0', 'late too on 0']);
  });

  test('keeps all threads busy and counts how long', async () => {
    const { clock, dispatcher, log, job } = setUp(2);
    for (const name of ['a', 'b', 'c']) dispatcher.offer(job(name, 100, 10));
    expect(log).toEqual(['a on 0', 'b on 1']);
    await runOut(clock, dispatcher);
    expect(log).toHaveLength(3);
    expect(dispatcher.busyMs()).toBe(30);
  });

  test('tells a job that it expired when others took longer than they should', async () => {
    const { clock, dispatcher, log, job } = setUp(1);
    expect(dispatcher.offer(job('slow', 100, 5, 40))).toBe('admitted');
    expect(dispatcher.offer(job('starved', 30, 5))).toBe('admitted');
    await runOut(clock, dispatcher);
    expect(log).toEqual(['slow on 0', 'starved expired']);
  });

  test('runs pinned work on its thread, however late', async () => {
    const { clock, dispatcher, log, job } = setUp(2);
    dispatcher.offer(job('a', 100, 10));
    dispatcher.offer(job('b', 100, 50));
    const { expire: _, ...pinned } = { ...job('pinned', 1, 5), pinned: 1 };
    dispatcher.enqueue(pinned);
    dispatcher.offer(job('c', 100, 5));
    await runOut(clock, dispatcher);
    expect(log).toEqual(['a on 0', 'b on 1', 'c on 0', 'pinned on 1']);
  });

  test('takes the thread on which a job costs least', () => {
    const { dispatcher, log, job } = setUp(3);
    dispatcher.offer({ ...job('loaded', 100, 1), costMs: (thread) => (thread === 2 ? 1 : 20) });
    expect(log).toEqual(['loaded on 2']);
  });

  test('is overloaded when its queue is full', () => {
    const { dispatcher, job } = setUp(1, 1);
    expect(dispatcher.offer(job('a', 1000, 1))).toBe('admitted');
    expect(dispatcher.offer(job('b', 1000, 1))).toBe('admitted');
    expect(dispatcher.offer(job('c', 1000, 1))).toBe('overloaded');
  });
});

describe('admission', () => {
  const work = (deadlineMs: number, costMs: number) => ({ deadlineMs, costMs, mayBeLate: false });

  test('is "expired" where an idle worker would be too late', () => {
    expect(decideAdmission(work(10, 11), { nowMs: 0, waiting: [], freeAtMs: [0] })).toBe('expired');
    expect(decideAdmission(work(10, 0), { nowMs: 10, waiting: [], freeAtMs: [0] })).toBe('expired');
  });

  test('is "overloaded" where the queue makes it late', () => {
    const waiting = [work(20, 10), work(30, 10)];
    expect(decideAdmission(work(30, 10), { nowMs: 0, waiting, freeAtMs: [5] })).toBe('overloaded');
    expect(decideAdmission(work(36, 10), { nowMs: 0, waiting, freeAtMs: [5] })).toBe('admitted');
    expect(decideAdmission(work(30, 10), { nowMs: 0, waiting, freeAtMs: [5, 0] })).toBe('admitted');
  });

  test('does not make late what was admitted before', () => {
    const waiting = [work(21, 20)];
    expect(decideAdmission(work(15, 5), { nowMs: 0, waiting, freeAtMs: [0] })).toBe('overloaded');
  });

  test('lets work pass that nobody waits for', () => {
    const waiting = [{ deadlineMs: 5, costMs: 50, mayBeLate: true }];
    expect(decideAdmission(work(4, 2), { nowMs: 0, waiting, freeAtMs: [0] })).toBe('admitted');
  });
});
