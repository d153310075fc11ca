import { describe, expect, test } from 'vitest';
import { chunkLimitsFor } from '../protocol/chunking.ts';
import { dagInput, type SmallLayer } from '../testing/dag-planning.ts';
import { type AllowedWays, partitionDag } from './dag-partition.ts';
import { type DagPlanningInput, predictDag } from './dag-plan.ts';
import { timedGraph } from './timed-graph.ts';
import { replyBytes, requestBytes, transferMs } from './wire-bytes.ts';

const deviceFirst: AllowedWays = { directions: ['device-first'], encodings: ['f32'] };
const edgeFirst: AllowedWays = { directions: ['edge-first'], encodings: ['f32'] };
const invalid = expect.objectContaining({ code: 'planning-input-invalid' });

function layer(makes: string, reads: readonly string[], [deviceMs, workerMs]: readonly [number, number]): SmallLayer {
  return { makes, reads, deviceMs, workerMs };
}

function choice(input: DagPlanningInput, allowed = deviceFirst): string {
  const { firstTier, direction, encoding } = partitionDag(input, allowed).plan;
  return `${direction} {${[...firstTier].toSorted().join(' ')}} ${encoding}`;
}

/** A large input that two arms make small, with a heavy layer in one of them: small, heavy, thin, joined. */
const twoArms = dagInput(
  [
    layer('small', ['x'], [1, 1]),
    layer('heavy', ['small'], [100, 1]),
    layer('thin', ['x'], [1, 1]),
    layer('joined', ['heavy', 'thin'], [1, 1]),
  ],
  { x: 10_000, small: 100, heavy: 100, thin: 100, joined: 10 },
);

/** A tensor that four layers read, none of which the device is fast at. */
const sharedTensor = dagInput(
  [
    layer('shared', ['x'], [0, 1000]),
    ...['a', 'b', 'c', 'd'].map((name) => layer(name, ['shared'], [10, 0])),
    layer('sum', ['a', 'b', 'c', 'd'], [0, 0]),
  ],
  { x: 10, shared: 5000, a: 10, b: 10, c: 10, d: 10, sum: 10 },
);

/** One arm for the worker and one for the device, both of which read the input; the device joins them. */
const armEach = dagInput(
  [layer('far', ['x'], [100, 1]), layer('near', ['x'], [1, 1000]), layer('joined', ['far', 'near'], [1, 1000])],
  { x: 1000, far: 200, near: 300, joined: 10 },
);

describe('the partition', () => {
  test('runs both light arms on the device and the heavy layer between them on the worker', () => {
    expect(choice(twoArms)).toBe('device-first {1 3} f32');
    const { prediction } = partitionDag(twoArms, deviceFirst);
    expect(prediction.breakdownMs).toMatchObject({ device: 2, worker: 2 });
    expect(prediction.uploadBytes).toBe(2 * requestBytes([{ elements: 100, rank: 2 }], 'f32'));
  });

  test('sends a tensor once, however many layers of the other tier read it', () => {
    // Sent once it takes 20 ms, half of what its readers take on the device; sent four times it would not be worth it.
    expect(choice(sharedTensor)).toBe('device-first {1} f32');
    const { uploadBytes } = partitionDag(sharedTensor, deviceFirst).prediction;
    expect(uploadBytes).toBe(requestBytes([{ elements: 5000, rank: 2 }], 'f32', chunkLimitsFor(8)));
  });

  test('edge-first, sends up the inputs that the worker reads and never brings them back', () => {
    expect(choice(armEach, edgeFirst)).toBe('edge-first {1} f32');
    const { prediction } = partitionDag(armEach, edgeFirst);
    expect(prediction.uploadBytes).toBe(requestBytes([{ elements: 1000, rank: 2 }], 'f32', chunkLimitsFor(8)));
    const downMs = transferMs(replyBytes([{ elements: 200, rank: 2 }], 'f32'), 8);
    expect(prediction.breakdownMs).toMatchObject({ device: 2, worker: 1, download: downMs });
  });

  test('is the better of both directions where both are allowed', () => {
    const both: AllowedWays = { directions: ['device-first', 'edge-first'], encodings: ['f32'] };
    expect(choice(armEach, both)).toBe('edge-first {1} f32');
    expect(choice(twoArms, both)).toBe('device-first {1 3} f32');
  });

  test('travels in the encoding that takes least, encoding and decoding counted', () => {
    const all: AllowedWays = { directions: ['device-first'], encodings: ['f32', 'f16', 'u8'] };
    expect(choice(sharedTensor, all)).toBe('device-first {1} u8');
    expect(choice({ ...sharedTensor, encodeNs: { f32: 0, f16: 0, u8: 2000 } }, all)).toBe('device-first {1} f16');
  });
});

describe('one tier alone', () => {
  const chain = dagInput([layer('a', ['x'], [10, 1]), layer('y', ['a'], [10, 1])], { x: 100, a: 100, y: 10 });

  test('is all there is without a worker', () => {
    expect(choice({ ...chain, offload: null })).toBe('device-first {1 2} f32');
  });

  test('is written in one way, whatever direction is allowed; the exit comes back in f32', () => {
    const edgeFirstBytes: AllowedWays = { directions: ['edge-first'], encodings: ['u8'] };
    expect(choice(chain, edgeFirstBytes)).toBe('device-first {} u8');
    const { breakdownMs } = partitionDag(chain, edgeFirstBytes).prediction;
    expect(breakdownMs.download).toBe(transferMs(replyBytes([{ elements: 10, rank: 2 }], 'f32'), 8));
    expect(choice({ ...chain, processorFactor: 0.01 }, edgeFirstBytes)).toBe('device-first {1 2} f32');
  });

  test('is chosen where what is paid once makes up for a better cut', () => {
    const { link } = twoArms.offload ?? { link: { uplinkMbps: 8, downlinkMbps: 8, rttMs: 0 } };
    const waiting = (queueMs: number): DagPlanningInput => ({ ...twoArms, offload: { queueMs, link } });
    expect(choice(waiting(90))).toBe('device-first {1 3} f32');
    expect(choice(waiting(110))).toBe('device-first {1 2 3 4} f32');
    expect(choice({ ...twoArms, callMs: { device: 60, worker: 0 } })).toBe('device-first {} f32');
    expect(choice({ ...twoArms, callMs: { device: 60, worker: 200 } })).toBe('device-first {1 2 3 4} f32');
  });

  test('is the device where both take equally long', () => {
    const free = dagInput([layer('y', ['x'], [0, 0])], { x: 0, y: 0 });
    const offload = { queueMs: 0, link: { uplinkMbps: 1e300, downlinkMbps: 1e300, rttMs: 0 } };
    expect(choice({ ...free, offload })).toBe('device-first {1} f32');
  });
});

describe('T of a plan', () => {
  test('is unknown where it needs a worker and there is none', () => {
    const alone = { ...twoArms, offload: null };
    const plan = { direction: 'device-first', encoding: 'f32' } as const;
    expect(predictDag(alone, { ...plan, firstTier: new Set([1]) })).toBeUndefined();
    expect(predictDag(alone, { ...plan, firstTier: new Set([1, 2, 3, 4]) })?.totalMs).toBe(103);
  });

  test('is refused for layers that are no first tier', () => {
    const plan = { direction: 'device-first', encoding: 'f32' } as const;
    const of =
      (...indices: number[]) =>
      () =>
        predictDag(twoArms, { ...plan, firstTier: new Set(indices) });
    expect(of(2)).toThrow(expect.objectContaining({ code: 'layers-not-closed' }));
    expect(of(1, 5)).toThrow(expect.objectContaining({ code: 'layer-unknown' }));
  });
});

describe('no partition rests on', () => {
  const [first, ...others] = twoArms.graph.layers;
  const withTimes = (times: { deviceMs?: number; workerMs?: number }): DagPlanningInput => {
    const layers = first === undefined ? [] : [{ ...first, ...times }, ...others];
    return { ...twoArms, graph: { ...twoArms.graph, layers } };
  };

  test('a time that is negative, infinite or no number', () => {
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const times of [{ deviceMs: value }, { workerMs: value }]) {
        expect(() => partitionDag(withTimes(times), deviceFirst)).toThrow(invalid);
      }
      expect(() => partitionDag({ ...twoArms, processorFactor: value }, deviceFirst)).toThrow(invalid);
      expect(() => partitionDag({ ...twoArms, callMs: { device: 0, worker: value } }, deviceFirst)).toThrow(invalid);
      expect(() => partitionDag({ ...twoArms, decodeNs: { f32: value, f16: 0, u8: 0 } }, deviceFirst)).toThrow(invalid);
    }
    const anyWorker = { ...withTimes({ workerMs: Number.NaN }), offload: null };
    expect(choice(anyWorker)).toBe('device-first {1 2 3 4} f32');
  });

  test('a rate at which nothing arrives', () => {
    for (const rate of [0, -1, Number.NaN]) {
      for (const rates of [{ uplinkMbps: rate }, { downlinkMbps: rate }]) {
        const link = { uplinkMbps: 8, downlinkMbps: 8, rttMs: 0, ...rates };
        expect(() => partitionDag({ ...twoArms, offload: { queueMs: 0, link } }, deviceFirst)).toThrow(invalid);
      }
    }
  });

  test('a tensor of unknown size, or a layer of unknown time', () => {
    const tensors = new Map([...twoArms.tensors].filter(([name]) => name !== 'thin'));
    expect(() => partitionDag({ ...twoArms, tensors }, deviceFirst)).toThrow(invalid);
    const described = { name: 'l', index: 1, op: 'Relu', type: 'relu', settings: {}, parameterCount: 0 } as const;
    const shapes = { parameterBytes: 0, inputs: ['x'], outputs: ['y'], outputShapes: [[1, 4]] };
    const sizes = { inputElements: 4, outputElements: 4, flops: 4 };
    const branch = { exit: 'y', layers: [{ ...described, ...shapes, ...sizes }], cuts: [], flops: 4 };
    const whole = { ...branch, parameterCount: 0, parameterBytes: 0 };
    expect(() => timedGraph(whole, { deviceMs: [1], workerMs: [] })).toThrow(invalid);
    expect(timedGraph(whole, { deviceMs: [1], workerMs: [2] }).tensors.get('y')).toEqual({ elements: 4, rank: 2 });
  });
});
