import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/runtime/clock.ts';
import { createPacedSource } from './paced-source.ts';

const periodMs = 200;

function startSource() {
  const clock = createFakeClock();
  const source = createPacedSource(
    (index) => ({ name: `#${index}`, rgb: new Uint8Array(3), width: 1, height: 1 }),
    5,
    clock,
  );
  return { clock, source };
}

test('slots that pass while a frame is run are lost, and counted with the next frame', async () => {
  const { clock, source } = startSource();
  const seen: { name: string; atMs: number; skipped: number }[] = [];
  // How long each frame is run before the next one is asked for.
  for (const busyMs of [0, 50, 450, 199, 1000, 0]) {
    clock.advance(busyMs);
    const next = source.next();
    clock.advance(periodMs - (clock.nowMs() % periodMs));
    const arrived = await next;
    if (arrived === undefined) throw new Error('the source ended');
    seen.push({ name: arrived.frame.name, atMs: arrived.arrivedAtMs, skipped: arrived.skipped });
  }
  const slots = seen.slice(1).map(({ atMs }) => atMs / periodMs);
  expect(seen[0]).toMatchObject({ name: '#0', skipped: 0 });
  expect(slots).toEqual([2, 5, 6, 12, 13]);
  expect(seen.slice(1).map(({ skipped }) => skipped)).toEqual([1, 2, 0, 5, 0]);
});

test('what is closed while it waits for its slot gives no more', async () => {
  const { source } = startSource();
  await source.next();
  const next = source.next();
  await source.close();
  expect(await next).toBeUndefined();
});
