import { expect, test } from 'vitest';
import { chunkLimitsFor } from '../protocol/chunking.ts';
import { planTables } from '../testing/planning-input.ts';
import { preparePlans } from './prepared-plans.ts';
import { requestBytes } from './wire-bytes.ts';

test('the bytes that a plan sends are those of the link’s rate, whatever rates were asked for before', () => {
  const exit = { accuracy: 0.8, headMs: [0, 20, 90], tailMs: [25, 20, 0], elements: [30_000, 9000, 10] };
  const plans = preparePlans(planTables([exit]));
  const rates = Array.from({ length: 60 }, (_, i) => 0.1 * 1.15 ** i);
  const seen = new Set<number>();
  for (const mbps of [...rates, ...rates.toReversed()]) {
    const expected = plans.all.map(({ uploads, plan }) => requestBytes(uploads, plan.encoding, chunkLimitsFor(mbps)));
    expect([...plans.uploadBytes(mbps)]).toEqual(expected);
    seen.add(Math.max(...expected));
  }
  expect(seen.size).toBeGreaterThan(3);
});
