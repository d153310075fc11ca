import { type Encoding, encodedBytes, encodeTensor, encodings } from '../shared/protocol/tensor-encoding.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { median } from '../shared/runtime/statistics.ts';

/** @returns nanoseconds that one element takes in each encoding on this machine, measured now */
export function measureEncodeNs(clock: Clock): Record<Encoding, number> {
  const elements = 16_384;
  const data = Float32Array.from({ length: elements }, (_, i) => Math.sin(i));
  const target = new Uint8Array(encodedBytes('f32', elements));
  const timeOf = (encoding: Encoding): number => {
    const runs = Array.from({ length: 15 }, () => {
      const startMs = clock.nowMs();
      encodeTensor(data, encoding, target);
      return clock.nowMs() - startMs;
    });
    return (median(runs.slice(5)) * 1e6) / elements;
  };
  const [f32, f16, u8] = encodings;
  return { [f32]: timeOf(f32), [f16]: timeOf(f16), [u8]: timeOf(u8) };
}
