import { create } from '@bufbuild/protobuf';
import { afterAll, describe, expect, test } from 'vitest';
import { type InferenceThread, startInferenceThread } from '../shared/adapters/inference-thread.ts';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { branchesOf } from '../shared/model/branches.ts';
import type { ModelGraph } from '../shared/model/graph.ts';
import { AttributeProtoSchema } from '../shared/model/onnx_pb.ts';
import { openBatch } from '../shared/model/open-batch.ts';
import { parseModel } from '../shared/model/parse-model.ts';
import type { Tensor } from '../shared/model/tensor.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { createLog } from '../shared/runtime/log.ts';
import { buildOnnx } from '../shared/testing/build-onnx.ts';
import { pinBatch } from '../shared/testing/pinned-batch.ts';
import { batchSizes } from './batch-costs.ts';
import { batchTolerance } from './batch-trials.ts';
import { createDispatcher, type Dispatcher } from './dispatcher.ts';
import { noiseFor } from './segment-runs.ts';
import { createSegmentSessions, type SegmentSessions } from './segment-sessions.ts';
import { describeServedModel, type Segment, type ServedModel, segmentOf, segmentsOf } from './served-models.ts';
import { readAlexNet, readResNet } from './testing/models.ts';

const threads: InferenceThread[] = [];
afterAll(() => Promise.all(threads.map((thread) => thread.close())));

function openSessions(): { sessions: SegmentSessions; dispatcher: Dispatcher<never> } {
  const thread = startInferenceThread({ maxSessions: 8, jobsInFlight: 2 });
  threads.push(thread);
  const handOver = { aheadMs: 0, most: 2 };
  const dispatcher = createDispatcher<never>({ threads: 1, maxQueued: 4, handOver, clock: systemClock });
  const sessions = createSegmentSessions({
    threads: [thread],
    dispatcher,
    processorFactor: undefined,
    // A test machine may be slow: what is tried must not depend on it.
    ...{ maxBatch: 16, maxBatchMs: 60_000 },
    onThreadLost: () => undefined,
    clock: systemClock,
    log: createLog('test', 'silent'),
  });
  return { sessions, dispatcher };
}

async function serve(graph: ModelGraph): Promise<ServedModel> {
  return describeServedModel(`sha256:${'3'.repeat(64)}`, graph, await traceShapes(graph));
}

function wholeOf(model: ServedModel, exit: number): Segment {
  const segment = segmentOf(model, { exit, partition: 0, direction: 'device-first' });
  if (segment === undefined) throw new Error('the whole branch is a segment');
  return segment;
}

/** @returns the largest difference between a batch and its requests one by one, as a share of the greatest value */
async function differenceOf(sessions: SegmentSessions, segment: Segment, size: number): Promise<number> {
  const requests = () => Array.from({ length: size }, (_, seed) => noiseFor(segment, seed));
  const { outputs } = await sessions.run(segment, requests(), 0);
  let largest = 0;
  for (const [place, request] of requests().entries()) {
    const alone = await sessions.run(segment, [request], 0);
    for (const [index, expected] of (alone.outputs[0] ?? []).entries()) {
      largest = Math.max(largest, differenceBetween(outputs[place]?.[index], expected));
    }
  }
  return largest;
}

function differenceBetween(tensor: Tensor | undefined, expected: Tensor): number {
  expect(tensor?.dims).toEqual(expected.dims);
  const scale = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), Number.MIN_VALUE);
  const differences = expected.data.map((value, i) => Math.abs(value - (tensor?.data[i] ?? Number.NaN)));
  return Math.max(...differences) / scale;
}

describe('a batch gives what its requests give one by one, to a share of 1e-4', () => {
  test.each(batchSizes)('for every exit of the five-exit AlexNet, %d at a time', async (size) => {
    const { sessions } = openSessions();
    const model = await serve((await readAlexNet()).graph);
    for (let exit = 1; exit <= model.exits.length; exit += 1) {
      expect(await differenceOf(sessions, wholeOf(model, exit), size)).toBeLessThanOrEqual(batchTolerance);
    }
  });

  test('for every partition and direction of a residual network, whose cuts hold several tensors', async () => {
    const { sessions } = openSessions();
    const model = await serve((await readResNet()).graph);
    for (const segment of segmentsOf(model)) {
      expect(await differenceOf(sessions, segment, 4)).toBeLessThanOrEqual(batchTolerance);
    }
  });

  test('where the file pins the batch to 1, after it was opened', async () => {
    const { graph } = await readAlexNet();
    const pinned = parseModel(pinBatch(graph, await traceShapes(graph)));
    expect(wholeOf(await serve(pinned), 5).batches).toBeUndefined();
    const opened = openBatch(pinned);
    if (opened === undefined) throw new Error('the batch is pinned');
    const model = await serve(opened);
    const { sessions } = openSessions();
    expect(branchesOf(opened).map(({ exit }) => exit)).toEqual(branchesOf(graph).map(({ exit }) => exit));
    expect(await differenceOf(sessions, wholeOf(model, 5), 4)).toBeLessThanOrEqual(batchTolerance);
  });
});

describe('sizes of batches', () => {
  test('are tried one after the other when requests wait', async () => {
    const { sessions, dispatcher } = openSessions();
    const segment = wholeOf(await serve((await readAlexNet()).graph), 2);
    await sessions.prepare(segment);
    for (const size of batchSizes) {
      expect(segment.batches?.untried(0, { maxBatch: 16, maxBatchMs: 60_000 }, systemClock.nowMs())).toBe(size);
      sessions.crowded(segment, 0);
      // While it is being tried it is not asked for twice.
      sessions.crowded(segment, 0);
      await dispatcher.idle();
      expect(segment.batches?.ms(size)).toBeGreaterThan(0);
    }
    expect(sessions.costMs(segment, 16, 0)).toBe(segment.batches?.ms(16));
  });

  test('are never used of a graph that mixes the requests of a batch', async () => {
    const bytes = buildOnnx({
      nodes: [{ op: 'Softmax', inputs: ['x'], outputs: ['y'] }],
      outputs: ['y'],
      attributes: [create(AttributeProtoSchema, { name: 'axis', type: 2, i: 0n })],
    });
    const { sessions, dispatcher } = openSessions();
    const segment = wholeOf(await serve(parseModel(bytes)), 1);
    expect(segment.batches).toBeDefined();
    await sessions.prepare(segment);
    sessions.crowded(segment, 0);
    await dispatcher.idle();
    expect(sessions.sizes(segment, 0)).toEqual([1]);
    expect(segment.batches?.untried(0, { maxBatch: 16, maxBatchMs: 60_000 }, systemClock.nowMs())).toBeUndefined();
  });
});
