import { beforeAll, describe, expect, test } from 'vitest';
import { type OpenedModel, openModel } from '../../reproduce/models.ts';
import { sendingPlans, thinOut } from './sending-plans.ts';

let model: OpenedModel;
beforeAll(async () => {
  model = await openModel('branchy-alexnet-32');
});

describe('the plans that send something', () => {
  test('are every exit at every partition but the last, edge-first from the first one on, in f32 and u8', () => {
    const plans = sendingPlans(model.description);
    const nodes = model.package.manifest.exits.map((exit) => exit.nodes);
    const deviceFirst = nodes.reduce((sum, count) => sum + count, 0);
    expect(plans).toHaveLength(2 * (deviceFirst + deviceFirst - nodes.length));
    expect(new Set(plans.map(({ plan }) => JSON.stringify(plan))).size).toBe(plans.length);
  });

  test('send the image whole at partition 0, and nothing is run before', () => {
    const whole = sendingPlans(model.description).filter(({ plan }) => plan.partition === 0);
    expect(whole.map(({ upBytes }) => upBytes)).toEqual(
      whole.map(({ plan }) => (plan.encoding === 'u8' ? 3072 : 12_288)),
    );
    for (const { plan, before, worker, downBytes } of whole) {
      expect([before, worker.from, downBytes]).toEqual([null, 0, 40]);
      expect(plan.direction).toBe('device-first');
    }
  });

  test('run every layer of the branch once, on one side or the other', () => {
    for (const { plan, before, worker, after } of sendingPlans(model.description)) {
      const layers = model.description.branches[plan.exit - 1]?.layers.length ?? 0;
      const parts = [before, worker, after].filter((part) => part !== null).toSorted((a, b) => a.from - b.from);
      expect([parts[0]?.from, parts.at(-1)?.to]).toEqual([0, layers]);
      if (plan.partition > 0) expect(parts.map(({ from }) => from)).toEqual([0, plan.partition]);
      expect(parts[0]?.to).toBe(plan.partition > 0 ? plan.partition : layers);
    }
  });

  test('edge-first send the input and get the cut back, both in their encoding', () => {
    const plan = { exit: 5, partition: 5, direction: 'edge-first', encoding: 'u8' };
    const found = sendingPlans(model.description).find((one) => JSON.stringify(one.plan) === JSON.stringify(plan));
    expect(found).toMatchObject({ upBytes: 3072, downBytes: 16_384 });
  });
});

describe('thinning', () => {
  const numbers = Array.from({ length: 100 }, (_, i) => i);

  test('leaves all of them where there is time', () => {
    expect(thinOut(numbers, () => 10, 1000)).toEqual(numbers);
  });

  test('keeps within the time and leaves what is left in its order, the same each time', () => {
    const kept = thinOut(numbers, (n) => n, 500);
    expect(kept.reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(500);
    expect(kept.length).toBeGreaterThan(5);
    expect(kept).toEqual(kept.toSorted((a, b) => a - b));
    expect(thinOut(numbers, (n) => n, 500)).toEqual(kept);
  });

  test('leaves out no exit, direction or encoding where two dozen plans are left', () => {
    const kept = thinOut(sendingPlans(model.description), () => 1, 24).map(({ plan }) => plan);
    expect(kept).toHaveLength(24);
    expect(new Set(kept.map(({ exit }) => exit)).size).toBe(5);
    expect(new Set(kept.map(({ direction, encoding }) => `${direction} ${encoding}`)).size).toBe(4);
  });

  test('keeps one where there is time for none', () => {
    expect(thinOut(numbers, () => 10, 1)).toHaveLength(1);
  });
});
