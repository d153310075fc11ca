import { expect, test } from 'vitest';
import { kernelShape } from './kernel-shape.ts';

test('a payload rate becomes the rate of whole packets, headers of every layer counted', () => {
  expect(kernelShape(1)).toEqual({
    mtu: 296,
    bucket: { bitsPerSecond: 1_270_492, burstBytes: 320, limitBytes: 307_200 },
  });
});

test('a bucket holds one packet at least, or nothing would ever leave', () => {
  for (const mbps of [0.05, 0.25, 1, 2, 2.1, 10, 100]) {
    const { mtu, bucket } = kernelShape(mbps);
    expect(bucket?.burstBytes).toBeGreaterThanOrEqual(mtu + 14);
  }
});

test('without a rate there is no bucket', () => {
  expect(kernelShape(null)).toEqual({ mtu: 1500, bucket: null });
});
