import { describe, expect, test } from 'vitest';
import { parseForcedPlan, requirePlanOf } from './forced-plan.ts';

describe('a forced plan', () => {
  test.each([
    ['5,4', { exit: 5, partition: 4 }],
    ['1,0,u8', { exit: 1, partition: 0, encoding: 'u8' }],
    ['1,0,jpeg', { exit: 1, partition: 0, encoding: 'jpeg' }],
    ['5,4,f16,edge-first', { exit: 5, partition: 4, encoding: 'f16', direction: 'edge-first' }],
    ['5,4,f32,device-first', { exit: 5, partition: 4, encoding: 'f32', direction: 'device-first' }],
  ])('%s says just what is written', (text, plan) => {
    expect(parseForcedPlan(text)).toEqual(plan);
  });

  test.each(['5', 'five,4', '5,4.5', '5,4,f64', '5,4,edge-first', '5,4,f32,sideways', '5,4,f32,edge-first,1'])(
    '%s is refused',
    (text) => {
      expect(() => parseForcedPlan(text)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
    },
  );

  const exits = [3, 5].map((nodes, index) => ({ name: `exit${index + 1}`, paperLayers: nodes, nodes }));
  test.each(['1,0', '1,3,u8', '2,5', '2,4,u8,edge-first', '2,5,f32,device-first'])('%s is one of the model', (text) => {
    expect(() => requirePlanOf({ exits }, text)).not.toThrow();
  });

  const measured = { quality: 90, meanBytes: 900, p95Bytes: 1000, top1: [0.7, 0.8] };
  const imageEncodings = { dataset: 'cifar10-test', images: 10_000, jpeg: measured };

  test('may send the input as an image that the model was measured with, and nothing else', () => {
    expect(() => requirePlanOf({ exits, imageEncodings }, '2,0,jpeg')).not.toThrow();
    expect(() => requirePlanOf({ exits, imageEncodings }, '2,1,jpeg')).toThrow('the input alone');
    expect(() => requirePlanOf({ exits, imageEncodings }, '2,0,webp')).toThrow('has not been measured');
    expect(() => requirePlanOf({ exits }, '2,0,jpeg')).toThrow(expect.objectContaining({ code: 'config-invalid' }));
  });

  test.each([
    ['0,0', 'model-unknown-exit', 'exits are 1 to 2'],
    ['3,0', 'model-unknown-exit', 'exits are 1 to 2'],
    ['1,4', 'partition-out-of-range', 'partitions of exit 1 are 0 to 3'],
    ['2,99,u8', 'partition-out-of-range', 'partitions of exit 2 are 0 to 5'],
    ['2,0,f32,edge-first', 'partition-out-of-range', '1 to 4'],
    ['2,5,f32,edge-first', 'partition-out-of-range', '1 to 4'],
  ])('%s is none of the model: %s', (text, code, message) => {
    const refusal = expect.objectContaining({ code, message: expect.stringContaining(message) });
    expect(() => requirePlanOf({ exits }, text)).toThrow(refusal);
  });
});
