import { afterAll, describe, expect, test } from 'vitest';
import { type InferenceThread, startInferenceThread } from '../shared/adapters/inference-thread.ts';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { branchesOf } from '../shared/model/branches.ts';
import { directions } from '../shared/protocol/tensor-frame.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { createLog } from '../shared/runtime/log.ts';
import { type RecordingThread, recordLoads } from '../shared/testing/recording-thread.ts';
import { createDispatcher } from './dispatcher.ts';
import { createSegmentSessions, type SegmentSessions } from './segment-sessions.ts';
import { describeServedModel, type ServedModel, segmentOf } from './served-models.ts';
import { createLocalRuns, readAlexNet, readResNet } from './testing/models.ts';

const threads: InferenceThread[] = [];

afterAll(() => Promise.all(threads.map((thread) => thread.close())));

function openSessions(): { sessions: SegmentSessions; takeLoads: RecordingThread['takeLoads'] } {
  const { thread, takeLoads } = recordLoads(startInferenceThread({ maxSessions: 4 }));
  threads.push(thread);
  const sessions = createSegmentSessions({
    threads: [thread],
    dispatcher: createDispatcher<never>({
      threads: 1,
      maxQueued: 4,
      handOver: { aheadMs: 0, most: 1 },
      clock: systemClock,
    }),
    ...{ maxBatch: 1, maxBatchMs: 0 },
    processorFactor: undefined,
    onThreadLost: () => undefined,
    clock: systemClock,
    log: createLog('test', 'silent'),
  });
  return { sessions, takeLoads };
}

async function serve(read: typeof readAlexNet | typeof readResNet): Promise<ServedModel> {
  const { manifest, graph } = await read();
  return describeServedModel(manifest.digest, graph, await traceShapes(graph));
}

describe('what the worker loads for a plan', () => {
  test('has no layer past the exit and none of the device’s, for every exit, partition and direction', async () => {
    const { sessions, takeLoads } = openSessions();
    for (const model of [await serve(readAlexNet), await serve(readResNet)]) {
      for (const [index, { layers }] of branchesOf(model.graph).entries()) {
        const names = layers.map(({ name }) => name);
        for (let partition = 0; partition <= names.length; partition += 1) {
          for (const direction of directions) {
            const segment = segmentOf(model, { exit: index + 1, partition, direction });
            if (segment === undefined) continue;
            expect(await sessions.prepare(segment)).toBe(true);
            const expected = direction === 'device-first' ? names.slice(partition) : names.slice(0, partition);
            expect(await takeLoads()).toEqual([expected]);
          }
        }
      }
    }
  });

  test('gives the exit alone, as the branch run whole gives it', async () => {
    const { sessions } = openSessions();
    const model = await serve(readAlexNet);
    const local = createLocalRuns(model.graph);
    for (const [index, { exit, layers }] of branchesOf(model.graph).entries()) {
      const segment = segmentOf(model, { exit: index + 1, partition: 0, direction: 'device-first' });
      if (segment === undefined) throw new Error('the whole branch is a segment');
      const { outputs: all } = await sessions.run(segment, [[local.input(index)]], 0);
      const [outputs = []] = all;
      const expected = await local.run(exit, [0, layers.length], [local.input(index)]);
      expect(outputs.map(({ dims }) => dims)).toEqual(expected.map(({ dims }) => dims));
      expect([...(outputs[0]?.data ?? [])]).toEqual([...(expected[0]?.data ?? [])]);
    }
  });
});
