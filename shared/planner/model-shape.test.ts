import { expect, test } from 'vitest';
import { smallModel } from '../testing/small-models.ts';
import { modelShape } from './model-shape.ts';

test('a description and a manifest with its accuracies are all that planning needs of a model', () => {
  const description = smallModel([{ type: 'fc', inputElements: 12 }], [{ type: 'relu', inputElements: 8 }]);
  const [first, second] = description.branches;
  const encodedAccuracy = { f16: [0.69, 0.7], u8: [0.6, 0.7] };
  const manifest = {
    exits: [{ name: second?.exit ?? '', accuracy: { top1: 0.7 }, encodedAccuracy }],
    imageEncodings: { webp: { p95Bytes: 800, top1: [0.68] } },
  };
  const shape = modelShape(description, manifest);
  expect(shape.exits).toMatchObject([
    { name: first?.exit, accuracy: 0.01 },
    { name: second?.exit, accuracy: 0.7, encodedAccuracy, imageEncodings: { webp: { accuracy: 0.68, bytes: 800 } } },
  ]);
  expect(shape.exits[0]?.cuts[0]).toEqual(
    first?.cuts[0]?.tensors.map(({ elements, dims }) => ({ elements, rank: dims.length })),
  );
  expect(shape.exits[0]).not.toHaveProperty('encodedAccuracy');
  expect(shape.exits[0]).not.toHaveProperty('imageEncodings');
  expect(shape.exits[1]?.imageEncodings).not.toHaveProperty('jpeg');
});
