import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryLayer, smallModel } from '../testing/small-models.ts';
import { parseDescription } from './description-schema.ts';

test('a description that was kept as JSON is the same when it is read', () => {
  fc.assert(
    fc.property(fc.array(arbitraryLayer, { minLength: 1, maxLength: 5 }), (layers) => {
      const description = smallModel(layers, layers.slice(0, 1));
      expect(parseDescription(JSON.stringify(description))).toEqual(description);
    }),
  );
});

test('what lacks a field or has a layer of no known type is damaged', () => {
  const { branches } = smallModel([{ type: 'conv' }]);
  const damaged = expect.objectContaining({ code: 'store-damaged' });
  expect(() => parseDescription(JSON.stringify({ branches }))).toThrow(damaged);
  const unknown = JSON.stringify({ inputs: [], branches }).replace('"type":"conv"', '"type":"magic"');
  expect(() => parseDescription(unknown)).toThrow(damaged);
});
