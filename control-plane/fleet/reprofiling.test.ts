import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noReprofiling, type ReprofilingLimits, stepReprofiling } from './reprofiling.ts';

const limits: ReprofilingLimits = { persistMs: 60, gapMs: 1000, leaseMs: 100 };
const step = (before: typeof noReprofiling, nowMs: number, drifts = true, profile = 'old') =>
  stepReprofiling({ before, drifts, profile, nowMs, limits });

test('drift that lasts asks for a new profile, for the time of one lease', () => {
  const seen = step(noReprofiling, 10_000);
  expect(seen).toEqual({ after: { sinceMs: 10_000, askedMs: null, replaces: null }, nextMs: 10_060 });
  expect(step(seen.after, 10_059)).toEqual(seen);
  const asked = step(seen.after, 10_060);
  expect(asked).toEqual({ after: { sinceMs: null, askedMs: 10_060, replaces: 'old' }, nextMs: 10_160 });
  expect(step(asked.after, 10_159, false)).toEqual(asked);
});

test('drift that pauses begins anew, and none at all asks for nothing', () => {
  const seen = step(noReprofiling, 10_000);
  const calm = step(seen.after, 10_030, false);
  expect(calm).toEqual({ after: noReprofiling, nextMs: undefined });
  expect(step(calm.after, 10_060).after.replaces).toBeNull();
});

test('what is asked for is over with another profile or when the lease has passed, and then rests for the gap', () => {
  const { after: asked } = step({ sinceMs: 0, askedMs: null, replaces: null }, 60);
  const answered = step(asked, 100, true, 'new');
  expect(answered).toEqual({ after: { sinceMs: 100, askedMs: 60, replaces: null }, nextMs: 1060 });
  const lapsed = step(asked, 160);
  expect(lapsed).toEqual({ after: { sinceMs: 160, askedMs: 60, replaces: null }, nextMs: 1060 });
  expect(step(lapsed.after, 1059).after.replaces).toBeNull();
  expect(step(lapsed.after, 1060).after).toMatchObject({ askedMs: 1060, replaces: 'old' });
});

test('however drift and profiles come and go, a class is asked at most once a gap', () => {
  const moments = fc.array(fc.record({ passMs: fc.nat(500), drifts: fc.boolean(), another: fc.boolean() }), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(moments, (all) => {
      let [state, nowMs, profile] = [noReprofiling, 0, 0];
      const asked: number[] = [];
      for (const { passMs, drifts, another } of all) {
        nowMs += passMs;
        if (another) profile += 1;
        const { after } = step(state, nowMs, drifts, `${profile}`);
        if (after.askedMs !== null && after.askedMs !== state.askedMs) asked.push(after.askedMs);
        state = after;
      }
      for (const [i, ms] of asked.entries()) expect(ms - (asked[i - 1] ?? -1000)).toBeGreaterThanOrEqual(1000);
    }),
  );
});
