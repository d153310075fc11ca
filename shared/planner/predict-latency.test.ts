import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LatencyTableSchema, latencyTable } from '../protocol/profile.ts';
import { createParser } from '../runtime/schema.ts';
import { arbitraryLayer, type SmallLayer, smallModel, smallProfile } from '../testing/small-models.ts';
import { fitLatencyModel } from './fit-latency-model.ts';
import { outsideRanges, predictLatencyTable, predictLayer, predictLoad, predictSegment } from './predict-latency.ts';

const tableParser = createParser(LatencyTableSchema, 'message-invalid', 'table');

/** 0.1 ms a call, 1 ms a thousand elements of LRN, nothing for ReLU. */
const chains: SmallLayer[][] = [1000, 2000, 4000, 8000].map((inputElements) => [
  { type: 'lrn', inputElements },
  { type: 'relu', inputElements },
]);
const profiled = smallProfile(smallModel(...chains), (layers) =>
  layers.reduce((sum, { type, inputElements }) => sum + (type === 'lrn' ? inputElements / 1000 : 0), 0.1),
);
const model = fitLatencyModel([profiled]);

/** Never measured, within the range of what was. */
const unseen = smallModel([
  { type: 'lrn', inputElements: 3000 },
  { type: 'relu', inputElements: 3000 },
  { type: 'lrn', inputElements: 5000 },
]);
const unseenLayers = unseen.branches[0]?.layers ?? [];

describe('the table of a model never measured', () => {
  const table = predictLatencyTable(unseen, model);

  test('has heads and tails of every partition: one call each and what their layers cost', () => {
    const medians = (timings: readonly { medianMs: number }[] = []) => timings.map(({ medianMs }) => medianMs);
    const [exit] = table.exits;
    for (const [index, ms] of [0, 3.1, 3.1, 8.1].entries()) expect(medians(exit?.head)[index]).toBeCloseTo(ms, 3);
    for (const [index, ms] of [8.1, 5.1, 5.1, 0].entries()) expect(medians(exit?.tail)[index]).toBeCloseTo(ms, 3);
    expect(exit?.head).toHaveLength(4);
    expect(exit?.tail).toHaveLength(4);
    expect(exit?.head[3]?.p90Ms).toBeCloseTo(1.5 * 8.1, 3);
  });

  test('is marked as predicted, for its hardware class, and fits the schema', () => {
    expect(table).toMatchObject({ hardwareClass: 'pi-4', source: 'predicted', extrapolated: false });
    expect(tableParser.parse(table)).toBe(table);
  });

  test('a table without a mark is still one: it was measured', () => {
    const measured = latencyTable(profiled.profile);
    expect(measured).not.toHaveProperty('source');
    expect(tableParser.parse(measured)).toBe(measured);
  });
});

describe('a prediction', () => {
  test('of one layer alone holds its call, of no layer nothing', () => {
    const [layer] = unseenLayers;
    expect(layer && predictLayer(layer, model).ms).toBeCloseTo(3.1, 3);
    expect(predictSegment([], model)).toEqual({ ms: 0, extrapolated: false, outside: [] });
  });

  test('beyond what was measured says which variable of which layer', () => {
    const large = smallModel([{ type: 'lrn', inputElements: 9000 }]);
    const [layer] = large.branches[0]?.layers ?? [];
    const outside = [{ layer: 'n1_1', variable: 'inputSize', value: 9000, seen: [1000, 8000] }];
    expect(layer && predictLayer(layer, model)).toMatchObject({ extrapolated: true, outside });
    expect(predictSegment(layer ? [layer] : [], model)).toMatchObject({ extrapolated: true, outside });
    expect(outsideRanges(large, model)).toEqual(outside);
    expect(predictLatencyTable(large, model).extrapolated).toBe(true);
  });

  test('of a type that was never measured counts nothing for it and says so', () => {
    const foreign = smallModel([
      { type: 'lrn', inputElements: 3000 },
      { type: 'conv', flops: 1e9 },
    ]);
    const segment = predictSegment(foreign.branches[0]?.layers ?? [], model);
    expect(segment.ms).toBeCloseTo(3.1, 3);
    expect(segment.outside).toEqual([{ layer: 'n1_2', variable: 'conv', value: 1, seen: null }]);
  });

  test('of load time says whether a model of that size was seen', () => {
    expect(predictLoad(profiled.description, model).ms).toBeCloseTo(5, 3);
    expect(predictLoad(profiled.description, model).extrapolated).toBe(false);
    const heavy = smallModel([{ type: 'fc', parameterCount: 1e9 }]);
    expect(predictLoad(heavy, model)).toMatchObject({ extrapolated: true, outside: [{ variable: 'parameterBytes' }] });
  });

  test('is never negative and no shorter for more layers, whatever it was fitted to', () => {
    const chain = fc.array(arbitraryLayer, { minLength: 1, maxLength: 6 });
    const times = fc.array(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), { minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(chain, chain, times, (measured, other, ms) => {
        let asked = 0;
        const fitted = fitLatencyModel([smallProfile(smallModel(measured), () => ms[asked++ % ms.length] ?? 1)]);
        for (const { head, tail } of predictLatencyTable(smallModel(other), fitted).exits) {
          const rising = head.map(({ medianMs }) => medianMs);
          expect(rising).toEqual(rising.toSorted((a, b) => a - b));
          const falling = tail.map(({ medianMs }) => medianMs);
          expect(falling).toEqual(falling.toSorted((a, b) => b - a));
          expect(Math.min(...rising, ...falling)).toBe(0);
        }
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});
