import { describe, expect, test } from 'vitest';
import { parseForcedPlan } from './forced-plan.ts';

describe('a forced plan', () => {
  test.each([
    ['5,4', { exit: 5, partition: 4 }],
    ['1,0,u8', { exit: 1, partition: 0, encoding: 'u8' }],
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
});
