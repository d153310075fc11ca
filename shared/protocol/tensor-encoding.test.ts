import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { affineParameters, decodeTensor, encodedBytes, encodeTensor, encodings } from './tensor-encoding.ts';

const anyFloat = fc.float({ noNaN: false });
const finiteFloat = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e37), max: Math.fround(1e37) });
const floats = (element: fc.Arbitrary<number>) =>
  fc.array(element, { maxLength: 64 }).map((list) => Float32Array.from(list));

function throughWire(data: Float32Array, encoding: (typeof encodings)[number]): Float32Array {
  const bytes = new Uint8Array(encodedBytes(encoding, data.length));
  const parameters = encodeTensor(data, encoding, bytes);
  const back = new Float32Array(data.length);
  decodeTensor(bytes, encoding, parameters, back);
  return back;
}

/** IEEE 754-2008, 3.4: the value of a half, by definition. */
function halfValue(half: number): number {
  const sign = half >= 0x8000 ? -1 : 1;
  const exponent = Math.floor((half % 0x8000) / 1024);
  const fraction = half % 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * (fraction / 1024) * 2 ** -14 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Positive halves in order of value; the last stands for infinity, with the value that would come next. */
const ladder = [...Array.from({ length: 0x7c00 }, (_, half) => halfValue(half)), 65_536];

/** The nearest half of a number by searching all of them; of two equally near ones the even. */
function nearestHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.min(Math.abs(value), 65_536);
  let above = 0;
  for (let step = 0x4000; step > 0; step >>= 1) {
    if (above + step < ladder.length && (ladder[above + step - 1] ?? 0) < magnitude) above += step;
  }
  const below = Math.max(0, above - 1);
  const [toBelow, toAbove] = [magnitude - (ladder[below] ?? 0), (ladder[above] ?? 0) - magnitude];
  if (toBelow === toAbove) return sign + (above % 2 === 0 ? above : below);
  return sign + (toBelow < toAbove ? below : above);
}

function encodedHalf(value: number): number {
  const bytes = new Uint8Array(2);
  encodeTensor(Float32Array.of(value), 'f16', bytes);
  return (bytes[0] ?? 0) + 256 * (bytes[1] ?? 0);
}

test('an element takes 4, 2 or 1 bytes', () => {
  expect(encodings.map((encoding) => encodedBytes(encoding, 3))).toEqual([12, 6, 3]);
});

describe('f32', () => {
  test('keeps every bit, those of infinities, zeros with a sign and NaN too', () => {
    fc.assert(
      fc.property(fc.uint32Array({ maxLength: 64 }), (bits) => {
        const data = new Float32Array(bits.slice().buffer);
        const back = throughWire(data, 'f32');
        expect(new Uint32Array(back.buffer)).toEqual(bits);
      }),
    );
  });

  test('is little-endian', () => {
    const bytes = new Uint8Array(4);
    encodeTensor(Float32Array.of(1), 'f32', bytes);
    expect([...bytes]).toEqual([0, 0, 0x80, 0x3f]);
  });
});

describe('f16', () => {
  test('decodes every one of the 65,536 halves to its value and encodes it to itself, NaN to a NaN', () => {
    const source = new Uint8Array(Uint16Array.from({ length: 0x10000 }, (_, half) => half).buffer);
    const decoded = new Float32Array(0x10000);
    decodeTensor(source, 'f16', { scale: 1, offset: 0 }, decoded);
    const wrongValues = [...decoded].filter((value, half) => !Object.is(value, halfValue(half)));
    expect(wrongValues).toEqual([]);

    const back = new Uint8Array(source.length);
    encodeTensor(decoded, 'f16', back);
    const halves = new Uint16Array(back.buffer);
    const changed = [...halves].filter((half, index) => half !== index && !Number.isNaN(halfValue(index)));
    expect(changed).toEqual([]);
    expect([...halves].every((half, index) => Number.isNaN(halfValue(half)) === Number.isNaN(halfValue(index)))).toBe(
      true,
    );
  });

  test('rounds any float to the nearest half, ties to the even one', () => {
    const bits = fc
      .integer({ min: 0, max: 0xffff_ffff })
      .map((bit) => new Float32Array(Uint32Array.of(bit).buffer)[0] ?? 0);
    const ordinary = fc.float({ min: -70_000, max: 70_000, noNaN: true });
    const tiny = fc.float({ min: Math.fround(-(2 ** -13)), max: Math.fround(2 ** -13), noNaN: true });
    fc.assert(
      fc.property(fc.oneof(bits, ordinary, tiny), (value) => {
        const half = encodedHalf(value);
        expect(Number.isNaN(value) ? halfValue(half) : half).toBe(
          Number.isNaN(value) ? Number.NaN : nearestHalf(value),
        );
      }),
      { numRuns: 20_000 },
    );
  });

  test('rounds the middle between any two neighbours to the even one, and a hair beside it to the nearer', () => {
    const wrong: number[] = [];
    for (let half = 0; half < 0x7c00; half += 1) {
      const middle = ((ladder[half] ?? 0) + (ladder[half + 1] ?? 0)) / 2;
      const even = half % 2 === 0 ? half : half + 1;
      const bits = new Uint32Array(Float32Array.of(middle).buffer)[0] ?? 0;
      const [below, above] = [bits - 1, bits + 1].map((near) => new Float32Array(Uint32Array.of(near).buffer)[0] ?? 0);
      const found = [encodedHalf(middle), encodedHalf(below ?? 0), encodedHalf(above ?? 0), encodedHalf(-middle)];
      if (found.join() !== [even, half, half + 1, even + 0x8000].join()) wrong.push(half);
    }
    expect(wrong).toEqual([]);
  });
});

describe('u8', () => {
  test('is off by at most half a step', () => {
    fc.assert(
      fc.property(floats(finiteFloat), (data) => {
        const { scale } = affineParameters(data, 'u8');
        const back = throughWire(data, 'u8');
        const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        // The result is a float: it cannot be nearer than the next one.
        const allowed = scale * 0.500_001 + largest * 2 ** -23;
        expect(data.every((value, i) => Math.abs(value - (back[i] ?? 0)) <= allowed)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps the least and the greatest value', () => {
    const back = throughWire(Float32Array.of(-1, 0.1, 3), 'u8');
    expect(back[0]).toBe(-1);
    expect(back[2]).toBeCloseTo(3, 5);
  });

  test('keeps a constant tensor as it is', () => {
    fc.assert(
      fc.property(finiteFloat, fc.integer({ min: 1, max: 9 }), (value, length) => {
        const data = new Float32Array(length).fill(value);
        expect([...throughWire(data, 'u8')].every((back) => back === value)).toBe(true);
      }),
    );
  });

  test('keeps values that differ by less than the least normal float apart as far as its least step goes', () => {
    const data = Float32Array.of(0, 2 ** -149, 2 ** -140);
    const { scale } = affineParameters(data, 'u8');
    expect(scale).toBeGreaterThan(0);
    expect(throughWire(data, 'u8').every((value) => Math.abs(value) <= scale)).toBe(true);
  });

  test('makes infinities the greatest and least finite value, NaN the least, and leaves the others alone', () => {
    const data = Float32Array.of(0, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0.2);
    const back = throughWire(data, 'u8');
    expect([...back].map((value) => Number(value.toFixed(4)))).toEqual([0, 1, 1, 0, 0, 0.2]);
  });
});

test('an empty tensor takes no bytes and comes back empty', () => {
  for (const encoding of encodings) expect(throughWire(new Float32Array(0), encoding)).toHaveLength(0);
});

test('any floats at all are encoded, with finite parameters', () => {
  fc.assert(
    fc.property(floats(anyFloat), fc.constantFrom(...encodings), (data, encoding) => {
      const { scale, offset } = affineParameters(data, encoding);
      expect(Number.isFinite(scale) && scale > 0 && Number.isFinite(offset)).toBe(true);
      expect(throughWire(data, encoding)).toHaveLength(data.length);
    }),
  );
});

test('the parameters survive 32 bits, in which they travel', () => {
  fc.assert(
    fc.property(floats(finiteFloat), (data) => {
      const { scale, offset } = affineParameters(data, 'u8');
      expect([Math.fround(scale), Math.fround(offset)]).toEqual([scale, offset]);
    }),
  );
});
