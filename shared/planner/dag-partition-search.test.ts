import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunkLimitsFor } from '../protocol/chunking.ts';
import type { Encoding } from '../protocol/tensor-encoding.ts';
import { closedSets, isPrefix } from '../testing/closed-sets.ts';
import { arbitraryDagCase, dagInput, type SmallLayer } from '../testing/dag-planning.ts';
import { planningInput } from '../testing/planning-input.ts';
import { planStatic } from './algorithm-1.ts';
import { type AllowedWays, partitionDag } from './dag-partition.ts';
import { type DagPlan, type DagPlanningInput, predictDag } from './dag-plan.ts';
import { replyBytes, requestBytes, transferMs } from './wire-bytes.ts';

/** T by the definition, tensor by tensor and layer by layer, for a model whose layers are told apart by their tier. */
function totalMs(input: DagPlanningInput, { firstTier, direction, encoding }: DagPlan): number {
  const { graph, offload, callMs, processorFactor } = input;
  const onDevice = graph.layers.map((_, i) => firstTier.has(i + 1) === (direction === 'device-first'));
  const time = graph.layers.map(({ deviceMs, workerMs }, i) => (onDevice[i] ? deviceMs * processorFactor : workerMs));
  let total = time.reduce((sum, ms) => sum + ms, 0);
  if (onDevice.includes(true)) total += callMs.device * processorFactor;
  if (!onDevice.includes(false)) return total;
  if (offload === null) return Number.POSITIVE_INFINITY;
  const { link, queueMs } = offload;
  total += callMs.worker + queueMs + link.rttMs;
  const up = (name: string, as: Encoding): number => {
    if (input.unsendable?.has(name)) return Number.POSITIVE_INFINITY;
    const shape = input.tensors.get(name) ?? { elements: Number.NaN, rank: 0 };
    const bytes = requestBytes([shape], as, chunkLimitsFor(link.uplinkMbps));
    return transferMs(bytes, link.uplinkMbps) + (shape.elements * input.encodeNs[as]) / 1e6;
  };
  const down = (name: string, as: Encoding): number => {
    if (input.unsendable?.has(name)) return Number.POSITIVE_INFINITY;
    const shape = input.tensors.get(name) ?? { elements: Number.NaN, rank: 0 };
    return transferMs(replyBytes([shape], as), link.downlinkMbps) + (shape.elements * input.decodeNs[as]) / 1e6;
  };
  for (const [name] of input.tensors) {
    const maker = graph.layers.findIndex(({ outputs }) => outputs.includes(name));
    const isThere = maker < 0 ? true : onDevice[maker];
    const isRead = (where: boolean): boolean =>
      graph.layers.some((l, i) => l.inputs.includes(name) && onDevice[i] === where);
    if (isThere && isRead(false)) total += up(name, encoding);
    if (!isThere && isRead(true)) total += down(name, encoding);
    if (!isThere && name === graph.exit) total += down(name, 'f32');
  }
  return total;
}

/** The least T of all closed sets in all allowed ways, tried one by one. */
function leastMs(input: DagPlanningInput, allowed: AllowedWays): number {
  const ways = allowed.directions.flatMap((direction) =>
    allowed.encodings.map((encoding) => ({ direction, encoding })),
  );
  const plans = closedSets(input.graph).flatMap((firstTier) => ways.map((way): DagPlan => ({ firstTier, ...way })));
  return Math.min(...plans.map((plan) => totalMs(input, plan)));
}

test('the partition takes no longer than the best of all closed sets, found by trying them', () => {
  const seen = { deviceOnly: 0, edgeOnly: 0, deviceFirst: 0, edgeFirst: 0, noPrefix: 0 };
  fc.assert(
    fc.property(arbitraryDagCase, ({ inputs, allowed }) => {
      for (const input of inputs) {
        const { plan, prediction } = partitionDag(input, allowed);
        const least = leastMs(input, allowed);
        expect(Math.abs(prediction.totalMs - least)).toBeLessThanOrEqual(1e-9 * least);
        expect(Math.abs(totalMs(input, plan) - prediction.totalMs)).toBeLessThanOrEqual(1e-9 * least);
        seen[kindOf(input, plan)] += 1;
        if (!isPrefix(plan.firstTier)) seen.noPrefix += 1;
      }
    }),
    { numRuns: 3000, seed: 1 },
  );
  // Each kind of result must have come up often enough to count as tried.
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(100);
});

test('a tensor that cannot travel is never sent, and of what is left the best is found', () => {
  let avoided = 0;
  const arbitraryPicks = fc.array(fc.nat(22), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(arbitraryDagCase, arbitraryPicks, ({ inputs, allowed }, picks) => {
      for (const input of inputs) {
        const names = [...input.tensors.keys()];
        const unsendable = new Set(picks.map((pick) => names[pick % names.length] ?? ''));
        const { plan, prediction } = partitionDag({ ...input, unsendable }, allowed);
        const least = leastMs({ ...input, unsendable }, allowed);
        expect(Math.abs(prediction.totalMs - least)).toBeLessThanOrEqual(1e-9 * least);
        expect(totalMs({ ...input, unsendable }, plan)).toBeLessThan(Number.POSITIVE_INFINITY);
        if (least > leastMs(input, allowed)) avoided += 1;
      }
    }),
    { numRuns: 1000, seed: 1 },
  );
  expect(avoided).toBeGreaterThan(100);
});

function kindOf({ graph }: DagPlanningInput, { firstTier, direction }: DagPlan) {
  if (firstTier.size === 0) return 'edgeOnly';
  if (firstTier.size === graph.layers.length) return 'deviceOnly';
  return direction === 'device-first' ? 'deviceFirst' : 'edgeFirst';
}

test('T of any closed set is what the definition says, whether it is the best or not', () => {
  fc.assert(
    fc.property(arbitraryDagCase, fc.nat(), ({ inputs, allowed }, choice) => {
      for (const input of inputs) {
        const sets = closedSets(input.graph);
        const firstTier = sets[choice % sets.length] ?? new Set();
        for (const direction of allowed.directions) {
          for (const encoding of allowed.encodings) {
            const plan: DagPlan = { firstTier, direction, encoding };
            const expected = totalMs(input, plan);
            const found = predictDag(input, plan)?.totalMs ?? Number.NaN;
            expect(Math.abs(found - expected)).toBeLessThanOrEqual(1e-9 * expected);
          }
        }
      }
    }),
    { numRuns: 1000 },
  );
});

const arbitraryChain = fc.record({
  layers: fc.array(fc.record({ deviceMs: fc.nat(60), workerMs: fc.nat(60), elements: fc.nat(20_000) }), {
    minLength: 1,
    maxLength: 12,
  }),
  inputElements: fc.integer({ min: 1, max: 20_000 }),
  encoding: fc.constantFrom<Encoding>('f32', 'f16', 'u8'),
  link: fc.record({
    uplinkMbps: fc.double({ min: 0.05, max: 100, noNaN: true }),
    downlinkMbps: fc.double({ min: 0.05, max: 100, noNaN: true }),
    rttMs: fc.nat(80),
  }),
  queueMs: fc.nat(50),
  processorFactor: fc.constantFrom(1, 3, 20),
  encodeNs: fc.record({ f32: fc.nat(20), f16: fc.nat(100), u8: fc.nat(100) }),
});

test('of a chain it is what Algorithm 1 chooses at that exit and encoding', () => {
  fc.assert(
    fc.property(arbitraryChain, ({ layers, inputElements, encoding, link, queueMs, ...rest }) => {
      const names = ['t0', ...layers.map((_, i) => `t${i + 1}`)];
      const chain = layers.map(({ deviceMs, workerMs }, i): SmallLayer => {
        return { reads: [`t${i}`], makes: `t${i + 1}`, deviceMs, workerMs };
      });
      const elements = [inputElements, ...layers.map((layer) => layer.elements)];
      const small = dagInput(chain, Object.fromEntries(names.map((name, i) => [name, elements[i] ?? 0])));
      const dag: DagPlanningInput = { ...small, ...rest, offload: { queueMs, link } };
      const sum = (list: readonly number[]): number => list.reduce((total, ms) => total + ms, 0);
      const times = { device: layers.map((layer) => layer.deviceMs), worker: layers.map((layer) => layer.workerMs) };
      const headMs = names.map((_, p) => sum(times.device.slice(0, p)));
      const tailMs = names.map((_, p) => sum(times.worker.slice(p)));
      const base = planningInput([{ accuracy: 1, headMs, tailMs, elements }], {
        encodings: [encoding],
        deadlineMs: 6e5,
      });
      const printed = planStatic({ ...base, ...rest, offload: { queueMs, link }, decodeNs: dag.decodeNs });
      const { plan, prediction } = partitionDag(dag, { directions: ['device-first'], encodings: [encoding] });
      if (printed.kind !== 'feasible') throw new Error('ten minutes are enough for any of these');
      expect(isPrefix(plan.firstTier)).toBe(true);
      const expected = printed.chosen.prediction;
      expect(prediction.totalMs).toBeCloseTo(expected.totalMs, 9);
      if (plan.firstTier.size !== printed.chosen.plan.partition) return;
      // The one adds up what the other has in two parts: the last digit may differ.
      expect({ ...prediction, totalMs: 0 }).toEqual({ ...expected, totalMs: 0 });
    }),
    { numRuns: 1000 },
  );
});
