import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { branchesOf } from '../shared/model/branches.ts';
import type { ModelPackage } from '../shared/model/model-package.ts';
import type { Tensor } from '../shared/model/tensor.ts';
import { decodeTensor, type Encoding, encodedBytes, encodeTensor } from '../shared/protocol/tensor-encoding.ts';
import type { ChildProcess } from './testing/child-process.ts';
import type { Answer, FakeDevice } from './testing/fake-device.ts';
import { createLocalRuns, type LocalRuns, readAlexNet, readResNet } from './testing/models.ts';
import { type Platform, startPlatform } from './testing/platform.ts';

let platform: Platform;
let worker: ChildProcess;
let device: FakeDevice;
let alexNet: ModelPackage;
let resNet: Pick<ModelPackage, 'manifest' | 'bytes' | 'graph'>;
let runs: LocalRuns;

beforeAll(async () => {
  alexNet = await readAlexNet();
  resNet = await readResNet();
  runs = createLocalRuns(alexNet.graph);
  platform = await startPlatform([alexNet, resNet]);
  worker = await platform.startWorker('edge');
  const ready = platform.hear.reported('edge', ({ state }) => state === 'ready');
  await platform.desire('edge', { version: 1 });
  await ready;
  device = await platform.connectDevice('camera', 'edge');
});

afterAll(() => platform.close());

/** What a tensor looks like after it has travelled. */
function travelled({ data, dims }: Tensor, encoding: Encoding): Tensor {
  const bytes = new Uint8Array(encodedBytes(encoding, data.length));
  const parameters = encodeTensor(data, encoding, bytes);
  const decoded = new Float32Array(data.length);
  decodeTensor(bytes, encoding, parameters, decoded);
  return { data: decoded, dims };
}

function expectResult(answer: Answer, expected: Tensor | undefined): void {
  expect(answer.header.status).toBe('ok');
  expect(answer.tensors).toHaveLength(1);
  expectClose(answer.tensors[0], expected, 1e-4);
}

function expectClose(result: Tensor | undefined, expected: Tensor | undefined, tolerance: number): void {
  expect(result?.dims).toEqual(expected?.dims);
  const differs = result?.data.some((value, i) => !(Math.abs(value - (expected?.data[i] ?? Number.NaN)) <= tolerance));
  expect(differs).toBe(false);
}

/** How far apart two tensors may be that travelled in this encoding, when they were hardly apart before. */
function stepOf({ data }: Tensor, encoding: Encoding): number {
  const range = data.reduce((most, value) => Math.max(most, value), -1e9) - data.reduce((a, b) => Math.min(a, b), 1e9);
  return { f32: 1e-4, f16: range / 500, u8: range / 200 }[encoding];
}

describe('device-first, the tail of a plan gives what the whole branch gives', () => {
  test.each(['f32', 'f16', 'u8'] as const)('for every exit at several partitions, sent as %s', async (encoding) => {
    const { digest } = alexNet.manifest;
    const input = runs.input(3);
    for (const [index, { exit, layers }] of branchesOf(alexNet.graph).entries()) {
      for (const partition of new Set([0, 1, Math.floor(layers.length / 2), layers.length - 1])) {
        const cut = await runs.run(exit, [0, partition], [input]);
        const sent = cut.map((tensor) => travelled(tensor, encoding));
        const [expected] = await runs.run(exit, [partition, layers.length], sent);
        expectResult(await device.ask({ digest, exit: index + 1, partition, tensors: cut, encoding }), expected);
      }
    }
  });

  test('for a cut of several tensors', async () => {
    const { digest } = resNet.manifest;
    const local = createLocalRuns(resNet.graph);
    const branches = branchesOf(resNet.graph);
    const [exit, branch] = [branches.length, branches.at(-1)];
    if (branch === undefined) throw new Error('the model has no exit');
    const partition = branch.cuts.findIndex((cut) => cut.length > 1);
    expect(partition).toBeGreaterThan(0);
    const cut = await local.run(branch.exit, [0, partition], [local.input(1)]);
    const [expected] = await local.run(branch.exit, [partition, branch.layers.length], cut);
    expectResult(await device.ask({ digest, exit, partition, tensors: cut }), expected);
  });

  test('whatever the order of the chunks and however often they come, once', async () => {
    const { digest } = alexNet.manifest;
    const cut = await runs.run('exit5', [0, 1], [runs.input(5)]);
    const [expected] = await runs.run('exit5', [1, 21], cut);
    const question = { digest, exit: 5, partition: 1, tensors: cut };
    const before = (await platform.hear.load('edge', () => true)).completed;
    const { sequence, chunks } = device.chunksOf(question);
    expect(chunks.length).toBeGreaterThan(4);
    const answer = device.answerTo(sequence);
    device.send(chunks.toReversed());
    device.send(chunks);
    expectResult(await answer, expected);
    expectResult(await device.ask(question), expected);
    expect((await platform.hear.load('edge', ({ completed }) => completed > before)).completed).toBe(before + 2);
  });
});

describe('edge-first, the head of a plan gives the cut', () => {
  test.each(['f32', 'f16', 'u8'] as const)(
    'as %s when the input came so, at every partition of an exit',
    async (encoding) => {
      const { digest } = alexNet.manifest;
      const input = runs.input(6);
      const sent = [travelled(input, encoding)];
      for (const [exit, name] of [
        [2, 'exit2'],
        [5, 'exit5'],
      ] as const) {
        const layers = branchesOf(alexNet.graph)[exit - 1]?.layers.length ?? 0;
        for (let partition = 1; partition < layers; partition += 1) {
          const plan = { digest, exit, partition, direction: 'edge-first', encoding } as const;
          const answer = await device.ask({ ...plan, tensors: [input] });
          expect(answer.header).toMatchObject({ kind: 'reply', status: 'ok', direction: 'edge-first', encoding });
          const cut = await runs.run(name, [0, partition], sent);
          expect(answer.tensors).toHaveLength(cut.length);
          for (const [index, tensor] of cut.entries()) {
            expectClose(answer.tensors[index], travelled(tensor, encoding), stepOf(tensor, encoding));
          }
        }
      }
    },
  );

  test('all of it, in its order, where it holds several tensors', async () => {
    const { digest } = resNet.manifest;
    const local = createLocalRuns(resNet.graph);
    const [exit, branch] = [branchesOf(resNet.graph).length, branchesOf(resNet.graph).at(-1)];
    const input = local.input(1);
    const several = (branch?.cuts ?? []).flatMap(({ length }, partition) => (length > 1 ? [partition] : []));
    expect(several.length).toBeGreaterThan(0);
    for (const partition of several) {
      const answer = await device.ask({ digest, exit, partition, direction: 'edge-first', tensors: [input] });
      const cut = await local.run(branch?.exit ?? '', [0, partition], [input]);
      expect(answer.tensors).toHaveLength(cut.length);
      for (const [index, tensor] of cut.entries()) expectClose(answer.tensors[index], tensor, 1e-4);
    }
  });

  test('in at least four chunks where it is large, each with the report', async () => {
    const { digest } = alexNet.manifest;
    const question = { digest, exit: 5, partition: 1, direction: 'edge-first', tensors: [runs.input(7)] } as const;
    const { header } = await device.ask(question);
    expect(header.chunkCount).toBeGreaterThanOrEqual(4);
    expect(header.computeUs).toBeGreaterThan(0);
    expect(Math.abs(header.totalUs - header.computeUs - header.queueUs)).toBeLessThanOrEqual(1);
  });
});

describe('the worker tells of its part', () => {
  test('how the chunks came in, how long they waited and how long the runtime took', async () => {
    const { digest } = alexNet.manifest;
    const input = runs.input(1);
    const { header } = await device.ask({ digest, exit: 1, partition: 0, tensors: [input] });
    expect(header.spreadBytes).toBeGreaterThanOrEqual((input.data.byteLength * 3) / 4);
    expect(header.spreadBytes).toBeLessThan(input.data.byteLength);
    expect(header.computeUs).toBeGreaterThan(0);
    expect(header.totalUs).toBeGreaterThanOrEqual(header.computeUs);
    expect(Math.abs(header.totalUs - header.computeUs - header.queueUs)).toBeLessThanOrEqual(1);
  });

  test('with a load report each second', async () => {
    const load = await platform.hear.load('edge', ({ completed }) => completed > 0);
    expect(load).toMatchObject({ threads: 1, queued: 0 });
  });
});

describe('what cannot be served is answered at once', () => {
  const tensors = () => [runs.input(2)];

  test.each([
    { direction: 'device-first', partition: 0 },
    { direction: 'edge-first', partition: 4 },
  ] as const)(
    'a $direction request whose deadline has passed is answered "expired" and never computed',
    async (plan) => {
      const { digest } = alexNet.manifest;
      const before = await platform.hear.load('edge', () => true);
      const { header } = await device.ask({ digest, exit: 5, ...plan, tensors: tensors(), timeLeftMs: 0.001 });
      expect(header).toMatchObject({ kind: 'reply', status: 'expired', computeUs: 0 });
      const after = await platform.hear.load('edge', ({ expired }) => expired > before.expired);
      expect(after.completed).toBe(before.completed);
    },
  );

  test('an unknown model is "unavailable"', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    expect((await device.ask({ digest, exit: 1, partition: 0, tensors: tensors() })).header.status).toBe('unavailable');
  });

  test.each([
    ['nothing is left to run', { exit: 5, partition: 21 }],
    ['the partition lies beyond the branch', { exit: 5, partition: 99 }],
    ['the exit does not exist', { exit: 6, partition: 0 }],
    ['edge-first, nothing comes before the cut', { exit: 5, partition: 0, direction: 'edge-first' as const }],
    ['edge-first, nothing comes behind the cut', { exit: 5, partition: 21, direction: 'edge-first' as const }],
    [
      'edge-first, the tensor is that of the cut and not the input',
      {
        exit: 5,
        partition: 3,
        direction: 'edge-first' as const,
        tensors: [{ data: new Float32Array(32_768), dims: [1, 32, 32, 32] }],
      },
    ],
    [
      'the tensor has another shape',
      { exit: 5, partition: 0, tensors: [{ data: new Float32Array(12), dims: [3, 4] }] },
    ],
    ['there are too many tensors', { exit: 5, partition: 0, copies: 2 }],
  ])(
    '"invalid" where %s',
    async (_reason, {
      copies = 1,
      ...plan
    }: Record<string, unknown> & { exit: number; partition: number; copies?: number }) => {
      const { digest } = alexNet.manifest;
      const inputs = Array.from({ length: copies }, () => runs.input(2));
      const { header } = await device.ask({ digest, tensors: inputs, ...plan });
      expect(header.status).toBe('invalid');
    },
  );
});

describe('a probe', () => {
  test('is answered when the tail of its plan is loaded', async () => {
    const { digest } = alexNet.manifest;
    const payload = { data: new Float32Array(2048), dims: [2048] };
    const plan = { digest, exit: 3, partition: 7 };
    const { header, tensors } = await device.ask({ ...plan, kind: 'probe', tensors: [payload] });
    expect(header).toMatchObject({ kind: 'probe-reply', status: 'ok' });
    expect(header.spreadBytes).toBeGreaterThanOrEqual(6144);
    expect(tensors[0]?.data.length).toBe(0);
    const cut = await runs.run('exit3', [0, 7], [runs.input(4)]);
    expect((await device.ask({ ...plan, tensors: cut })).header.status).toBe('ok');
  });

  test('names its direction too: the head of its plan is loaded when it is answered', async () => {
    const { digest } = alexNet.manifest;
    const payload = { data: new Float32Array(1), dims: [1] };
    const plan = { digest, exit: 4, partition: 12, direction: 'edge-first' } as const;
    const { header } = await device.ask({ ...plan, kind: 'probe', tensors: [payload] });
    expect(header).toMatchObject({ kind: 'probe-reply', status: 'ok', direction: 'edge-first' });
    expect((await device.ask({ ...plan, tensors: [runs.input(4)] })).header.status).toBe('ok');
  });

  test.each([
    { exit: 5, partition: 21, direction: 'device-first' },
    { exit: 5, partition: 0, direction: 'edge-first' },
  ] as const)('may name a plan that leaves nothing to run here: $direction at $partition', async (plan) => {
    const { digest } = alexNet.manifest;
    const payload = { data: new Float32Array(256), dims: [256] };
    const { header } = await device.ask({ digest, ...plan, kind: 'probe', tensors: [payload] });
    expect(header).toMatchObject({ kind: 'probe-reply', status: 'ok' });
  });

  test('of an unknown model is "unavailable"', async () => {
    const digest = `sha256:${'1'.repeat(64)}`;
    const payload = { data: new Float32Array(256), dims: [256] };
    const { header } = await device.ask({ digest, exit: 1, partition: 0, kind: 'probe', tensors: [payload] });
    expect(header).toMatchObject({ kind: 'probe-reply', status: 'unavailable' });
  });
});

test('500 frames with a flipped bit are dropped and counted, and the next request is served', async () => {
  const { digest } = alexNet.manifest;
  const question = { digest, exit: 1, partition: 0, tensors: [runs.input(2)] };
  const [chunk] = device.chunksOf(question).chunks;
  if (chunk === undefined) throw new Error('a request has no chunk');
  for (let i = 0; i < 500; i += 1) {
    const damaged = Buffer.from(chunk);
    const place = Math.floor(Math.random() * damaged.length);
    damaged.writeUInt8(damaged.readUInt8(place) ^ (1 << (i % 8)), place);
    device.send([damaged]);
  }
  expect((await device.ask(question)).header.status).toBe('ok');
  expect(await worker.stop()).toBe(0);
  expect(worker.log()).toContain('"malformed":500');
});

describe('requests beyond what the queue can do in time are answered "overloaded"', () => {
  let camera: FakeDevice;

  // Slow, so that requests come faster than they are run on any machine.
  beforeAll(async () => {
    await platform.startWorker('slow', { processorFactor: 20 });
    const ready = platform.hear.reported('slow', ({ state }) => state === 'ready');
    await platform.desire('slow', { version: 1 });
    await ready;
    camera = await platform.connectDevice('crowd', 'slow');
  });

  test.each([
    { direction: 'device-first', partition: 0 },
    { direction: 'edge-first', partition: 16 },
  ] as const)('$direction', async (plan) => {
    const { digest } = alexNet.manifest;
    const tensors = [runs.input(3)];
    // The second run is the first that tells what the next ones will take.
    for (let i = 0; i < 2; i += 1) await camera.ask({ digest, exit: 5, ...plan, tensors, timeLeftMs: 5000 });
    const question = { digest, exit: 5, ...plan, tensors, timeLeftMs: 300 };
    const answers = await Promise.all(Array.from({ length: 100 }, () => camera.ask(question)));
    const statuses = answers.map(({ header }) => header.status);
    expect(statuses).toContain('ok');
    expect(statuses).toContain('overloaded');
    expect(statuses.filter((status) => !['ok', 'overloaded', 'expired'].includes(status))).toEqual([]);
  });
});
