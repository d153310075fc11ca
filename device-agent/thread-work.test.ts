import { expect, test } from 'vitest';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { createThreadWork } from './thread-work.ts';

/** A run that ends when it is told to. */
function pendingRun() {
  let end = (_: { computeMs: number }): void => undefined;
  let fail = (_: Error): void => undefined;
  const result = new Promise<{ computeMs: number }>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return {
    run: () => result,
    end: (computeMs: number) => end({ computeMs }),
    fail: () => fail(new Error('withdrawn')),
  };
}

function openWork() {
  const clock = createFakeClock();
  const work = createThreadWork(clock);
  const took = (key: string, computeMs: number) => work.track(key, 0, () => Promise.resolve({ computeMs }));
  return { clock, work, took };
}

test('a thread without a run is free, and one whose run takes longer than before may be free at any moment', async () => {
  const { clock, work, took } = openWork();
  expect(work.remainingMs()).toBe(0);
  await took('exit 1', 200);
  const { run, end } = pendingRun();
  const ended = work.track('exit 1', 0, run);
  expect(work.remainingMs()).toBe(200);
  clock.advance(150);
  expect(work.remainingMs()).toBe(50);
  clock.advance(150);
  expect(work.remainingMs()).toBe(0);
  end(300);
  await ended;
  expect(work.remainingMs()).toBe(0);
});

test('what waits counts whole, and is what the thread has left when the run before it has ended', async () => {
  const { clock, work, took } = openWork();
  await took('exit 1', 200);
  const [first, second] = [pendingRun(), pendingRun()];
  const firstEnded = work.track('exit 1', 0, first.run);
  const secondEnded = work.track('exit 1', 0, second.run);
  clock.advance(50);
  expect(work.remainingMs()).toBe(350);
  clock.advance(150);
  first.end(200);
  await firstEnded;
  expect(work.remainingMs()).toBe(200);
  second.end(200);
  await secondEnded;
});

test('one that is withdrawn while it waits keeps nothing busy, and the run in flight goes on', async () => {
  const { clock, work, took } = openWork();
  await took('exit 1', 200);
  const [running, waiting] = [pendingRun(), pendingRun()];
  const ended = work.track('exit 1', 0, running.run);
  const withdrawn = work.track('exit 1', 0, waiting.run);
  clock.advance(50);
  waiting.fail();
  await expect(withdrawn).rejects.toThrow('withdrawn');
  expect(work.remainingMs()).toBe(150);
  running.end(200);
  await ended;
});

test('a first run is expected to take what an emulated processor takes at least; later ones follow what was measured', async () => {
  const { work, took } = openWork();
  const { run, end } = pendingRun();
  const ended = work.track('exit 2', 80, run);
  expect(work.remainingMs()).toBe(80);
  end(100);
  await ended;
  await took('exit 2', 200);
  const next = pendingRun();
  const nextEnded = work.track('exit 2', 80, next.run);
  expect(work.remainingMs()).toBeCloseTo(130, 9);
  next.end(100);
  await nextEnded;
});
