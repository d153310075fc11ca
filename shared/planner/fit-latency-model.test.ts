import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DescribedLayer } from '../model/describe-model.ts';
import { arbitraryLayer, type SmallLayer, smallModel, smallProfile } from '../testing/small-models.ts';
import { fitLatencyModel } from './fit-latency-model.ts';

const callMs = 0.05;
const lrnMsPerElement = 2e-5;
const convMsPerFlop = 1e-8;

/** Chains of convolution, LRN and fully connected layers of many sizes. */
const chains: SmallLayer[][] = Array.from({ length: 8 }, (_, i) => [
  { type: 'conv', flops: 1e6 * (i + 1) ** 2, inputElements: 500 * (8 - i), outputElements: 300 + 70 * (i % 3) },
  { type: 'lrn', inputElements: 3000 * (i + 1) },
  { type: 'fc', inputElements: 400 + 90 * (i % 4), outputElements: 10 + i, parameterCount: 4000 * (1 + (i % 5)) },
]);

/** A runtime in which layers cost what they compute and every call costs the same. */
function runtimeMs(layers: readonly DescribedLayer[]): number {
  const cost = ({ type, flops, inputElements, parameterCount }: DescribedLayer) => {
    if (type === 'conv') return convMsPerFlop * flops;
    return type === 'lrn' ? lrnMsPerElement * inputElements : 1e-7 * parameterCount;
  };
  return layers.reduce((sum, layer) => sum + cost(layer), callMs);
}

const profiled = smallProfile(smallModel(...chains), runtimeMs);

describe('a latency model', () => {
  test('tells the cost of a call from the cost of its layers', () => {
    const { joint } = fitLatencyModel([profiled]);
    expect(joint.callOverheadMs).toBeCloseTo(callMs, 4);
    expect(joint.types.lrn?.coefficients['inputSize']).toBeCloseTo(lrnMsPerElement, 8);
    expect(joint.types.conv?.coefficients['flops']).toBeCloseTo(convMsPerFlop, 11);
    expect(joint.segments).toMatchObject({ observations: 8 * 3, underdetermined: false });
    expect(joint.segments.p90Error).toBeLessThan(0.001);
  });

  test('has a regression of each layer type alone, the call included, as the paper has them', () => {
    const { alone } = fitLatencyModel([profiled], 'paper');
    expect(Object.keys(alone).toSorted()).toEqual(['conv', 'fc', 'lrn']);
    expect(alone.lrn?.coefficients['perLayer']).toBeCloseTo(callMs, 4);
    expect(alone.lrn?.coefficients['inputSize']).toBeCloseTo(lrnMsPerElement, 8);
    expect(alone.lrn?.quality).toMatchObject({ observations: 8, underdetermined: false });
    expect(Object.keys(alone.conv?.coefficients ?? {})).toEqual(['perLayer', 'inputMaps', 'filterWork']);
  });

  test('fits convolutions worse by the paper’s variables, which know nothing of the output’s size', () => {
    const paper = fitLatencyModel([profiled], 'paper');
    const extended = fitLatencyModel([profiled], 'extended');
    expect(extended.alone.conv?.quality.medianError).toBeLessThan(paper.alone.conv?.quality.medianError ?? 0);
  });

  test('remembers the range of each variable that it has seen', () => {
    const { joint, alone } = fitLatencyModel([profiled]);
    expect(joint.types.lrn?.seen['inputSize']).toEqual([3000, 24_000]);
    expect(alone.fc?.seen['parameters']).toEqual([4000, 20_000]);
  });

  test('learns load time from model size, and how far the slow runs lie from the median', () => {
    const large = smallProfile(smallModel([{ type: 'fc', inputElements: 1, parameterCount: 1_000_000 }]), () => 1);
    large.profile.modelLoadMs = 25;
    const { load, p90Factor } = fitLatencyModel([profiled, large]);
    expect(load.quality).toMatchObject({ observations: 2, underdetermined: false });
    expect(load.coefficients['parameterBytes']).toBeCloseTo(20 / (4e6 - 80_000), 8);
    expect(p90Factor).toBeCloseTo(1.5, 9);
  });

  test('says so where a type has fewer observations than variables', () => {
    const { alone } = fitLatencyModel([
      smallProfile(smallModel([{ type: 'conv', flops: 5 }, { type: 'relu' }]), () => 1),
    ]);
    expect(alone.conv?.quality).toMatchObject({ observations: 1, underdetermined: true });
  });

  test('is plain data: it survives JSON', () => {
    const model = fitLatencyModel([profiled]);
    expect(JSON.parse(JSON.stringify(model))).toEqual(model);
  });
});

describe('nothing is fitted', () => {
  test('to no profiles, or to profiles without any time', () => {
    const silent = smallProfile(smallModel([{ type: 'conv' }]), () => 0);
    const noData = expect.objectContaining({ code: 'latency-model-no-data' });
    expect(() => fitLatencyModel([])).toThrow(noData);
    expect(() => fitLatencyModel([silent])).toThrow(noData);
  });

  test.each([{ hardwareClass: 'pi-5' }, { tier: 'worker' as const }])('to profiles of two origins: %o', (other) => {
    const foreign = { ...profiled, profile: { ...profiled.profile, ...other } };
    expect(() => fitLatencyModel([profiled, foreign])).toThrow(expect.objectContaining({ code: 'profile-mismatch' }));
  });
});

test('whatever was measured, no coefficient is negative and every number is finite', () => {
  const time = fc.oneof(fc.constant(0), fc.double({ min: 1e-4, max: 1e4, noNaN: true }));
  const measured = fc.record({
    chains: fc.array(fc.array(arbitraryLayer, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
    times: fc.array(time, { minLength: 8, maxLength: 8 }),
    form: fc.constantFrom('paper' as const, 'extended' as const),
  });
  fc.assert(
    fc.property(measured, ({ chains: some, times, form }) => {
      let asked = 0;
      const noisy = smallProfile(smallModel(...some), () => times[asked++ % times.length] ?? 1);
      fc.pre(times.some((ms) => ms > 0) && noisy.profile.exits.some(({ head }) => head.some((t) => t.medianMs > 0)));
      const { joint, alone, load, p90Factor } = fitLatencyModel([noisy], form);
      const regressions = [...Object.values(joint.types), ...Object.values(alone), load];
      const coefficients = regressions.flatMap((regression) => Object.values(regression.coefficients));
      for (const value of [...coefficients, joint.callOverheadMs, p90Factor]) {
        expect(Number.isFinite(value)).toBe(true);
        expect(value).toBeGreaterThanOrEqual(0);
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});
