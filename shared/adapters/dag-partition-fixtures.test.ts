import { describe, expect, test } from 'vitest';
import { type DescribedBranch, describeModel } from '../model/describe-model.ts';
import { readModel } from '../model/read-model.ts';
import { type AllowedWays, partitionDag } from '../planner/dag-partition.ts';
import { type DagPlanningInput, predictDag } from '../planner/dag-plan.ts';
import { timedGraph } from '../planner/timed-graph.ts';
import { encodings } from '../protocol/tensor-encoding.ts';
import { directions } from '../protocol/tensor-frame.ts';
import { closedSets, isPrefix } from '../testing/closed-sets.ts';
import { repositoryFile } from '../testing/data-folder.ts';
import { traceShapes } from './trace-shapes.ts';

/** How fast the tiers are, how fast the link, and what a layer costs that hardly computes. */
interface Setting {
  /** The worker's time over the device's. */
  deviceFactor: number;
  mbps: number;
  /** Of each layer on either tier besides its FLOPs, ms; times the factor on the device. */
  layerMs: number;
}

const workerFlopsPerMs = 5e6;

const settings: Setting[] = [0.2, 1, 5, 20, 100].flatMap((deviceFactor) =>
  [0.25, 1, 4, 16, 64, 256].flatMap((mbps) => [0, 0.02].map((layerMs) => ({ deviceFactor, mbps, layerMs }))),
);

const ways: AllowedWays[] = directions.flatMap((direction) =>
  encodings.map((encoding) => ({ directions: [direction], encodings: [encoding] })),
);

/** @returns the branch with times from its layers' FLOPs, on a link that is as fast up as down */
function inputOf(branch: DescribedBranch, { deviceFactor, mbps, layerMs }: Setting): DagPlanningInput {
  const workerMs = branch.layers.map(({ flops }) => flops / workerFlopsPerMs + layerMs);
  return {
    ...timedGraph(branch, { deviceMs: workerMs, workerMs }),
    callMs: { device: 0, worker: 0 },
    processorFactor: deviceFactor,
    offload: { queueMs: 0, link: { uplinkMbps: mbps, downlinkMbps: mbps, rttMs: 1 } },
    encodeNs: { f32: 0, f16: 0, u8: 0 },
    decodeNs: { f32: 0, f16: 0, u8: 0 },
  };
}

/** @returns the least T of these sets, each tried, ms */
function leastOf(input: DagPlanningInput, sets: readonly ReadonlySet<number>[], allowed: AllowedWays): number {
  const plans = allowed.directions.flatMap((direction) =>
    allowed.encodings.flatMap((encoding) => sets.map((firstTier) => ({ firstTier, direction, encoding }))),
  );
  return Math.min(...plans.map((plan) => predictDag(input, plan)?.totalMs ?? Number.POSITIVE_INFINITY));
}

describe('the partition of a model with skip connections', () => {
  for (const name of ['branchy-resnet', 'branchy-dense']) {
    test(`${name}: no closed set takes less, at any exit, factor, rate, direction and encoding`, async ({
      annotate,
    }) => {
      const { graph } = await readModel(repositoryFile('shared', 'model', 'fixtures', `${name}.onnx`));
      const { branches } = describeModel(graph, await traceShapes(graph));
      let tried = 0;
      let betterThanPrefixes = 0;
      for (const branch of branches) {
        for (const setting of settings) {
          const input = inputOf(branch, setting);
          const sets = closedSets(input.graph);
          for (const allowed of ways) {
            const { totalMs } = partitionDag(input, allowed).prediction;
            const least = leastOf(input, sets, allowed);
            expect(Math.abs(totalMs - least)).toBeLessThanOrEqual(1e-9 * least);
            tried += 1;
            if (totalMs < (1 - 1e-9) * leastOf(input, sets.filter(isPrefix), allowed)) betterThanPrefixes += 1;
          }
        }
      }
      await annotate(`${name}: better than every prefix in ${betterThanPrefixes} of ${tried}`);
      expect(tried).toBe(branches.length * settings.length * ways.length);
    });
  }
});
