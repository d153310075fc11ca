/**
 * How a tensor's 32-bit floats travel.
 *
 *   f32   4 bytes an element, little-endian IEEE 754
 *   f16   2 bytes an element, little-endian IEEE 754 half, rounded to nearest even, overflow to infinity
 *   u8    1 byte an element, affine per tensor: value = offset + scale × byte
 */
export const encodings = ['f32', 'f16', 'u8'] as const;
export type Encoding = (typeof encodings)[number];

/** The affine parameters of u8; scale 1 and offset 0 for the others. */
export interface AffineParameters {
  scale: number;
  offset: number;
}

const bytesPerElement: Record<Encoding, number> = { f32: 4, f16: 2, u8: 1 };

export function encodedBytes(encoding: Encoding, elements: number): number {
  return bytesPerElement[encoding] * elements;
}

/** The least scale: below it floats lose digits, and the steps would no longer reach the greatest value. */
const minScale = 2 ** -126;

/**
 * @returns the parameters with which this tensor is to be encoded, from its least and greatest finite value:
 * as u8, infinities become these and NaN the least
 */
export function affineParameters(data: Float32Array, encoding: Encoding): AffineParameters {
  if (encoding !== 'u8') return { scale: 1, offset: 0 };
  let { low, high } = rangeOf(data);
  if (low === Number.NEGATIVE_INFINITY || high === Number.POSITIVE_INFINITY) {
    ({ low, high } = rangeOf(data.filter(Number.isFinite)));
  }
  if (low > high) return { scale: 1, offset: 0 };
  return { scale: high > low ? Math.max(minScale, Math.fround((high - low) / 255)) : 1, offset: low };
}

function rangeOf(data: Float32Array): { low: number; high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i += 1) {
    const value = data[i] ?? 0;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/**
 * Writes a tensor, or a run of its elements, with given parameters.
 * @param target receives `encodedBytes(encoding, data.length)` bytes
 */
export function encodeInto(
  data: Float32Array,
  encoding: Encoding,
  parameters: AffineParameters,
  target: Uint8Array,
): void {
  switch (encoding) {
    case 'f32':
      target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      return;
    case 'f16':
      encodeHalf(data, target);
      return;
    case 'u8':
      encodeByte(data, parameters, target);
  }
}

/** Writes a whole tensor. @returns what the receiver needs to undo it */
export function encodeTensor(data: Float32Array, encoding: Encoding, target: Uint8Array): AffineParameters {
  const parameters = affineParameters(data, encoding);
  encodeInto(data, encoding, parameters, target);
  return parameters;
}

/** Reads a tensor back. @param target receives as many elements as `source` holds */
export function decodeTensor(
  source: Uint8Array,
  encoding: Encoding,
  { scale, offset }: AffineParameters,
  target: Float32Array,
): void {
  switch (encoding) {
    case 'f32':
      new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(source);
      return;
    case 'f16':
      decodeHalf(source, target);
      return;
    case 'u8':
      for (let i = 0; i < target.length; i += 1) target[i] = offset + scale * (source[i] ?? 0);
  }
}

function encodeByte(data: Float32Array, { scale, offset }: AffineParameters, target: Uint8Array): void {
  const factor = 1 / scale;
  for (let i = 0; i < data.length; i += 1) {
    const level = ((data[i] ?? 0) - offset) * factor + 0.5;
    target[i] = Math.min(255, Math.max(0, level));
  }
}

const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

function encodeHalf(data: Float32Array, target: Uint8Array): void {
  for (let i = 0; i < data.length; i += 1) {
    floatView[0] = data[i] ?? 0;
    const half = halfBits(bitsView[0] ?? 0);
    target[2 * i] = half & 0xff;
    target[2 * i + 1] = half >>> 8;
  }
}

/** @param bits a 32-bit float's bits @returns the nearest half's bits, ties to even */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | subnormalHalf(magnitude);
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** Below 2^-14 a half counts in steps of 2^-24: adding 0.5 as a float lets the hardware round to even. */
function subnormalHalf(magnitude: number): number {
  bitsView[0] = magnitude;
  floatView[0] = (floatView[0] ?? 0) + 0.5;
  return (bitsView[0] ?? 0) - 0x3f000000;
}

/** What a half's exponent lacks when its bits stand at a float's places: exact for subnormals as well. */
const halfScale = 2 ** 112;

function decodeHalf(source: Uint8Array, target: Float32Array): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < target.length; i += 1) {
    const half = (source[2 * i] ?? 0) | ((source[2 * i + 1] ?? 0) << 8);
    const placed = ((half & 0x8000) << 16) | ((half & 0x7fff) << 13);
    if ((half & 0x7c00) === 0x7c00) {
      bits[i] = placed | 0x7f800000;
    } else {
      bits[i] = placed;
      target[i] = (target[i] ?? 0) * halfScale;
    }
  }
}
