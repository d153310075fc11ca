import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readVarint, varintBytes, writeVarint } from './varint.ts';

const number = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.nat(300));

function written(value: number): Buffer {
  const bytes = Buffer.alloc(8, 0xff);
  return bytes.subarray(0, writeVarint(bytes, 0, value));
}

test('a number comes out of its bytes as it went in, and takes as many as are said', () => {
  fc.assert(
    fc.property(number, (value) => {
      const bytes = written(value);
      expect(bytes).toHaveLength(varintBytes(value));
      expect(readVarint(bytes, 0)).toBe(value);
    }),
  );
});

test('seven bits go into a byte, least first', () => {
  const spelled = [0, 1, 127, 128, 300, 16_383, 16_384, 0xffff_ffff].map((value) => written(value).toString('hex'));
  expect(spelled).toEqual(['00', '01', '7f', '8001', 'ac02', 'ff7f', '808001', 'ffffffff0f']);
});

test('a number that is cut off is truncated', () => {
  for (const bytes of ['', '80', 'ffff', 'ffffffff']) {
    expect(() => readVarint(Buffer.from(bytes, 'hex'), 0), bytes).toThrow(
      expect.objectContaining({ code: 'frame-truncated' }),
    );
  }
});

test('a second spelling of a number, or one of more than 32 bits, is invalid', () => {
  for (const bytes of ['8000', 'ac8200', 'ffffffff8f00', 'ffffffff10', 'ffffffffff01']) {
    expect(() => readVarint(Buffer.from(bytes, 'hex'), 0), bytes).toThrow(
      expect.objectContaining({ code: 'frame-invalid' }),
    );
  }
});
