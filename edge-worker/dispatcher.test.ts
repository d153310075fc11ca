import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../shared/runtime/clock.ts';
import { decideAdmission, type Work, type WorkKind } from './admission.ts';
import { createDispatcher, type Dispatcher } from './dispatcher.ts';
import type { Job, JobKind, PieceOfWork } from './jobs.ts';

interface SetUp {
  threads: number;
  maxQueued?: number;
  aheadMs?: number;
}

/** Jobs of a known cost on the fake clock; `log` says what became of each. */
function setUp({ threads, maxQueued = 100, aheadMs = 0 }: SetUp) {
  const clock = createFakeClock();
  const dispatcher = createDispatcher<string>({ threads, maxQueued, handOver: { aheadMs, most: 3 }, clock });
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

async function runOut(clock: FakeClock, dispatcher: Dispatcher<string>): Promise<void> {
  let done = false;
  const idle = dispatcher.idle().then(() => {
    done = true;
  });
  for (let i = 0; i < 1000 && !done; i += 1) await tick(clock);
  await idle;
}

async function tick(clock: FakeClock): Promise<void> {
  clock.advance(1);
  // What a finished job starts, it starts in microtasks.
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

describe('the dispatcher', () => {
  test('runs the earliest deadline first, equals in order of arrival', async () => {
    const { clock, dispatcher, log, job } = setUp({ threads: 1 });
    dispatcher.offer(job('running', 100, 5));
    dispatcher.offer(job('late', 300, 5));
    dispatcher.offer(job('soon', 50, 5));
    dispatcher.offer(job('late too', 300, 5));
    expect(dispatcher.queued).toBe(3);
    await runOut(clock, dispatcher);
    expect(log).toEqual(['running on 0', 'soon on 0', 'late on 0', 'late too on 0']);
  });

  test('keeps all threads busy and counts how long', async () => {
    const { clock, dispatcher, log, job } = setUp({ threads: 2 });
    for (const name of ['a', 'b', 'c']) dispatcher.offer(job(name, 100, 10));
    expect(log).toEqual(['a on 0', 'b on 1']);
    await runOut(clock, dispatcher);
    expect(log).toHaveLength(3);
    expect(dispatcher.busyMs()).toBe(30);
  });

  test('tells a job that it expired when others took longer than they should', async () => {
    const { clock, dispatcher, log, job } = setUp({ threads: 1 });
    expect(dispatcher.offer(job('slow', 100, 5, 40))).toBe('admitted');
    expect(dispatcher.offer(job('starved', 30, 5))).toBe('admitted');
    await runOut(clock, dispatcher);
    expect(log).toEqual(['slow on 0', 'starved expired']);
  });

  test('runs pinned work on its thread, however late', async () => {
    const { clock, dispatcher, log, job } = setUp({ threads: 2 });
    dispatcher.offer(job('a', 100, 10));
    dispatcher.offer(job('b', 100, 50));
    const { expire: _, ...pinned } = { ...job('pinned', 1, 5), pinned: 1 };
    dispatcher.enqueue(pinned);
    dispatcher.offer(job('c', 100, 5));
    await runOut(clock, dispatcher);
    expect(log).toEqual(['a on 0', 'b on 1', 'c on 0', 'pinned on 1']);
  });

  test('takes the thread on which a job costs least', () => {
    const { dispatcher, log, job } = setUp({ threads: 3 });
    dispatcher.offer({ ...job('loaded', 100, 1), costMs: (thread) => (thread === 2 ? 1 : 20) });
    expect(log).toEqual(['loaded on 2']);
  });

  test('is overloaded when its queue is full', () => {
    const { dispatcher, job } = setUp({ threads: 1, maxQueued: 1 });
    expect(dispatcher.offer(job('a', 1000, 1))).toBe('admitted');
    expect(dispatcher.offer(job('b', 1000, 1))).toBe('admitted');
    expect(dispatcher.offer(job('c', 1000, 1))).toBe('overloaded');
  });
});

describe('admission', () => {
  const alone = (costMs: number): WorkKind => ({ sizes: [1], costMs: () => costMs });
  const work = (deadlineMs: number, costMs: number): Work => ({ deadlineMs, kind: alone(costMs), mayBeLate: false });

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
    const waiting = [{ deadlineMs: 5, kind: alone(50), mayBeLate: true }];
    expect(decideAdmission(work(4, 2), { nowMs: 0, waiting, freeAtMs: [0] })).toBe('admitted');
  });

  test('counts with batches: what fits only together is let in', () => {
    const kind: WorkKind = { sizes: [1, 2, 4], costMs: (size) => 8 + 2 * size };
    const like = (deadlineMs: number): Work => ({ deadlineMs, kind, mayBeLate: false });
    const waiting = [like(20), like(20), like(20)];
    expect(decideAdmission(like(20), { nowMs: 0, waiting, freeAtMs: [0] })).toBe('admitted');
    expect(decideAdmission(like(15), { nowMs: 0, waiting, freeAtMs: [0] })).toBe('overloaded');
    const one = { ...kind, sizes: [1] };
    const alike = waiting.map((each) => ({ ...each, kind: one }));
    expect(decideAdmission({ ...like(20), kind: one }, { nowMs: 0, waiting: alike, freeAtMs: [0] })).toBe('overloaded');
  });
});

describe('batches', () => {
  /** A run of so many pieces takes 4 ms and 2 ms for each. */
  function kindOf({ clock, log }: ReturnType<typeof setUp>, sizes: readonly number[] = [1, 2, 4]) {
    const kind: JobKind<string> = {
      sizes: () => sizes,
      costMs: (size) => 4 + 2 * size,
      run(pieces, thread) {
        log.push(`${pieces.join('+')} on ${thread}`);
        return new Promise((resolve) => clock.after(kind.costMs(pieces.length), () => resolve()));
      },
      crowded: (thread) => log.push(`crowded at ${thread}`),
    };
    return (piece: string, deadlineMs: number): PieceOfWork<string> => ({
      deadlineMs,
      kind,
      piece,
      expire: () => log.push(`${piece} expired`),
    });
  }

  test('are made of what waits when a thread becomes free, and wait for no company', async () => {
    const all = setUp({ threads: 1 });
    const { clock, dispatcher, log } = all;
    const piece = kindOf(all);
    for (const name of ['a', 'b', 'c', 'd']) dispatcher.offer(piece(name, 100));
    await runOut(clock, dispatcher);
    expect(log).toEqual(['a on 0', 'b+c on 0', 'd on 0']);
    expect(dispatcher.busyMs()).toBe(6 + 8 + 6);
  });

  test('hold one kind only, earliest deadline first', async () => {
    const all = setUp({ threads: 1 });
    const { clock, dispatcher, log } = all;
    const [piece, other] = [kindOf(all), kindOf(all)];
    dispatcher.offer(piece('a', 100));
    for (const [name, deadlineMs] of [
      ['b', 90],
      ['c', 70],
    ] as const)
      dispatcher.offer(piece(name, deadlineMs));
    for (const [name, deadlineMs] of [
      ['x', 80],
      ['y', 95],
    ] as const)
      dispatcher.offer(other(name, deadlineMs));
    await runOut(clock, dispatcher);
    expect(log).toEqual(['a on 0', 'c+b on 0', 'x+y on 0']);
  });

  test('are no larger than the deadlines of their own and of all others that wait allow', async () => {
    const all = setUp({ threads: 1 });
    const { clock, dispatcher, log, job } = all;
    const piece = kindOf(all);
    dispatcher.offer(piece('a', 100));
    dispatcher.offer(piece('b', 15));
    for (const name of ['c', 'd', 'e']) dispatcher.offer(piece(name, 100));
    dispatcher.offer(job('between', 18, 5));
    await runOut(clock, dispatcher);
    // With c beside it b would be done at 14, in time, and what comes between them at 19.
    expect(log).toEqual(['a on 0', 'b on 0', 'between on 0', 'c+d on 0', 'e on 0']);
  });

  test('leave the other threads their share', async () => {
    const all = setUp({ threads: 2 });
    const { clock, dispatcher, log } = all;
    const piece = kindOf(all);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) dispatcher.offer(piece(name, 100));
    await runOut(clock, dispatcher);
    expect(log).toEqual(['a on 0', 'b on 1', 'c+d on 0', 'e on 1', 'f on 1']);
  });

  test('tell their kind when more waits than a run may take', async () => {
    const all = setUp({ threads: 1 });
    const { clock, dispatcher, log } = all;
    const piece = kindOf(all, [1]);
    for (const name of ['a', 'b', 'c']) dispatcher.offer(piece(name, 100));
    await runOut(clock, dispatcher);
    expect(log).toEqual(['a on 0', 'b on 0', 'crowded at 0', 'c on 0']);
  });

  test('make nothing late that was admitted, whatever comes when', async () => {
    const arrival = fc.record({ afterMs: fc.nat(12), withinMs: fc.integer({ min: 1, max: 60 }), kind: fc.nat(1) });
    const property = fc.asyncProperty(
      fc.array(arrival, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 2 }),
      async (arrivals, threads) => {
        const all = setUp({ threads });
        const { clock, dispatcher, log } = all;
        const kinds = [kindOf(all), kindOf(all, [1, 2])];
        let admitted = 0;
        for (const [index, { afterMs, withinMs, kind }] of arrivals.entries()) {
          for (let ms = 0; ms < afterMs; ms += 1) await tick(clock);
          const piece = kinds[kind]?.(`${index}`, clock.nowMs() + withinMs);
          if (piece !== undefined && dispatcher.offer(piece) === 'admitted') admitted += 1;
        }
        await runOut(clock, dispatcher);
        expect(log.filter((line) => line.endsWith('expired'))).toEqual([]);
        const run = log.filter((line) => line.includes(' on ')).flatMap((line) => line.split(' ')[0]?.split('+') ?? []);
        expect(new Set(run).size).toBe(admitted);
        expect(run).toHaveLength(admitted);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });
});

describe('a thread', () => {
  test('is given its next work shortly before it is done with the last', async () => {
    const { clock, dispatcher, log, job } = setUp({ threads: 1, aheadMs: 2 });
    for (const name of ['a', 'b']) dispatcher.offer(job(name, 100, 10));
    for (let ms = 0; ms < 7; ms += 1) await tick(clock);
    expect(log).toEqual(['a on 0']);
    await tick(clock);
    expect(log).toEqual(['a on 0', 'b on 0']);
  });

  test('is given several short jobs ahead, but no more than it may hold', () => {
    const { dispatcher, log, job } = setUp({ threads: 1, aheadMs: 5 });
    for (const name of ['a', 'b', 'c', 'd']) dispatcher.offer(job(name, 100, 1));
    expect(log).toEqual(['a on 0', 'b on 0', 'c on 0']);
    expect(dispatcher.queued).toBe(1);
  });

  test('counts what it was given ahead as time until it is free', () => {
    const { dispatcher, job } = setUp({ threads: 1, aheadMs: 50 });
    for (const name of ['a', 'b']) expect(dispatcher.offer(job(name, 100, 30))).toBe('admitted');
    expect(dispatcher.offer(job('c', 89, 30))).toBe('overloaded');
    expect(dispatcher.offer(job('d', 90, 30))).toBe('admitted');
  });
});
