import type { ImageCodecMs } from '../shared/planner/predict.ts';
import { decodeTensor, type Encoding, encodedBytes, encodeTensor } from '../shared/protocol/tensor-encoding.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import { median } from '../shared/runtime/statistics.ts';

/** Nanoseconds that one element takes in each encoding. */
export interface CodecNs {
  encodeNs: Record<Encoding, number>;
  decodeNs: Record<Encoding, number>;
  /** Of the model's input as an image. */
  imageCodecMs?: ImageCodecMs;
}

const elements = 16_384;
const runs = 15;
/** The first runs are those of a compiler that is still at work. */
const warmUpRuns = 5;

/** @returns what this machine takes, measured now */
export function measureCodecNs(clock: Clock): CodecNs {
  const data = Float32Array.from({ length: elements }, (_, i) => Math.sin(i));
  const back = new Float32Array(elements);
  const target = new Uint8Array(encodedBytes('f32', elements));

  function timesOf(encoding: Encoding): { encodeNs: number; decodeNs: number } {
    const source = target.subarray(0, encodedBytes(encoding, elements));
    const parameters = encodeTensor(data, encoding, source);
    return {
      encodeNs: nsPerElement(clock, () => encodeTensor(data, encoding, source)),
      decodeNs: nsPerElement(clock, () => decodeTensor(source, encoding, parameters, back)),
    };
  }

  const [f32, f16, u8] = [timesOf('f32'), timesOf('f16'), timesOf('u8')];
  return {
    encodeNs: { f32: f32.encodeNs, f16: f16.encodeNs, u8: u8.encodeNs },
    decodeNs: { f32: f32.decodeNs, f16: f16.decodeNs, u8: u8.decodeNs },
  };
}

function nsPerElement(clock: Clock, run: () => void): number {
  const times = Array.from({ length: runs }, () => {
    const startMs = clock.nowMs();
    run();
    return clock.nowMs() - startMs;
  });
  return (median(times.slice(warmUpRuns)) * 1e6) / elements;
}
