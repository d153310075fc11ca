import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closedSets, isPrefix } from '../testing/closed-sets.ts';
import { arbitraryDagCase, dagInput, type SmallLayer } from '../testing/dag-planning.ts';
import { smallModel, smallProfile } from '../testing/small-models.ts';
import { comparePartitions } from './compare-partitions.ts';
import type { AllowedWays } from './dag-partition.ts';
import { type DagPlanningInput, predictDag } from './dag-plan.ts';
import { profiledLayerMs } from './timed-graph.ts';

const deviceFirst: AllowedWays = { directions: ['device-first'], encodings: ['f32'] };

/** @returns the least T of these sets, each tried in all allowed ways, ms */
function leastMs(
  input: DagPlanningInput,
  { directions, encodings }: AllowedWays,
  sets: readonly ReadonlySet<number>[],
) {
  const times = sets.flatMap((firstTier) =>
    directions.flatMap((direction) =>
      encodings.map((encoding) => predictDag(input, { firstTier, direction, encoding })?.totalMs),
    ),
  );
  return Math.min(...times.map((ms) => ms ?? Number.POSITIVE_INFINITY));
}

function layer(makes: string, reads: readonly string[], [deviceMs, workerMs]: readonly [number, number]): SmallLayer {
  return { makes, reads, deviceMs, workerMs };
}

describe('the comparison of partitions', () => {
  test('has the best of all closed sets and the best of all prefixes, found by trying them', () => {
    const seen = { better: 0, same: 0, chain: 0 };
    fc.assert(
      fc.property(arbitraryDagCase, ({ inputs, allowed }) => {
        for (const input of inputs) {
          const { anySet, prefix, gainMs, gainShare, isChain } = comparePartitions(input, allowed);
          const sets = closedSets(input.graph);
          const prefixMs = leastMs(input, allowed, sets.filter(isPrefix));
          expect(isPrefix(prefix.plan.firstTier)).toBe(true);
          expect(prefix.prediction.totalMs).toBeCloseTo(prefixMs, 6);
          expect(anySet.prediction.totalMs).toBeCloseTo(leastMs(input, allowed, sets), 6);
          expect(gainMs).toBeCloseTo(prefixMs - anySet.prediction.totalMs, 6);
          expect(gainShare * prefixMs).toBeCloseTo(gainMs, 6);
          expect(isChain).toBe(sets.every(isPrefix));
          if (gainMs === 0) expect(anySet).toBe(prefix);
          if (isChain) expect(gainMs).toBe(0);
          seen[isChain ? 'chain' : gainMs > 0 ? 'better' : 'same'] += 1;
        }
      }),
      { numRuns: 1000, seed: 1 },
    );
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(50);
  });

  test('is one of a chain where a layer reads from the one before it and from earlier ones too', () => {
    const skips = [layer('a', ['x'], [1, 1]), layer('b', ['a'], [1, 1]), layer('y', ['a', 'b'], [1, 1])];
    const elements = { x: 10, a: 10, b: 10, y: 10 };
    expect(comparePartitions(dagInput(skips, elements), deviceFirst).isChain).toBe(true);
    const apart = [layer('a', ['x'], [1, 1]), layer('b', ['x'], [1, 1]), layer('y', ['a', 'b'], [1, 1])];
    expect(comparePartitions(dagInput(apart, elements), deviceFirst).isChain).toBe(false);
  });

  test('without a worker is device-only on both sides', () => {
    const input = dagInput([layer('a', ['x'], [1, 1]), layer('y', ['a'], [1, 1])], { x: 10, a: 10, y: 10 });
    const { anySet, prefix, gainMs } = comparePartitions({ ...input, offload: null }, deviceFirst);
    expect(gainMs).toBe(0);
    for (const { plan } of [anySet, prefix]) expect([...plan.firstTier]).toEqual([1, 2]);
  });
});

test('a profiled layer computes for its own time less the call, never for less than nothing', () => {
  const description = smallModel([
    { type: 'conv', flops: 4 },
    { type: 'relu', flops: 0.5 },
  ]);
  const { profile } = smallProfile(description, (layers) => layers.reduce((sum, { flops }) => sum + flops, 0));
  const [exit = ''] = description.branches.map((branch) => branch.exit);
  expect(profiledLayerMs({ ...profile, perCallOverheadMs: 1 }, exit)).toEqual([3, 0]);
  expect(profiledLayerMs(profile, 'none')).toEqual([]);
});
