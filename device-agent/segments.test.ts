import { afterAll, describe, expect, test } from 'vitest';
import { type InferenceThread, startInferenceThread } from '../shared/adapters/inference-thread.ts';
import { traceShapes } from '../shared/adapters/trace-shapes.ts';
import { branchesOf } from '../shared/model/branches.ts';
import { describeModel, type ModelDescription } from '../shared/model/describe-model.ts';
import { readModel } from '../shared/model/read-model.ts';
import type { Tensor } from '../shared/model/tensor.ts';
import { type Clock, createFakeClock, systemClock } from '../shared/runtime/clock.ts';
import { repositoryFile } from '../shared/testing/data-folder.ts';
import { recordLoads } from '../shared/testing/recording-thread.ts';
import { createSegments, type DevicePart, type Segments } from './segments.ts';

const threads: InferenceThread[] = [];

afterAll(() => Promise.all(threads.map((thread) => thread.close())));

async function open(
  path: string[],
  processorFactor = 1,
  clock: Pick<Clock, 'nowMs'> = systemClock,
): Promise<{ segments: Segments; description: ModelDescription; input: Tensor }> {
  const { graph } = await readModel(repositoryFile(...path));
  const shapes = await traceShapes(graph);
  const description = describeModel(graph, shapes);
  const thread = startInferenceThread({ maxSessions: 32 });
  threads.push(thread);
  const { dims = [], elements = 0 } = description.inputs[0] ?? {};
  const input = { data: Float32Array.from({ length: elements }, (_, i) => Math.sin(i)), dims };
  return {
    segments: createSegments({ graph, description, shapes, thread, processorFactor, clock }),
    description,
    input,
  };
}

const resNet = ['shared', 'model', 'fixtures', 'branchy-resnet.onnx'];
const alexNet = ['models', 'branchy-alexnet-32', 'model.onnx'];

async function prepared(segments: Segments, part: DevicePart): Promise<DevicePart> {
  await segments.prepare(part);
  return part;
}

describe('the device’s part of a plan', () => {
  test('device-first is the head, edge-first the tail: one behind the other they are the branch, at every cut', async () => {
    const { segments, description, input } = await open(resNet);
    const exit = description.branches.length;
    const last = (description.branches.at(-1)?.cuts.length ?? 0) - 1;
    const whole = await prepared(segments, { exit, partition: last, direction: 'device-first' });
    const expected = (await segments.run(whole, [input])).tensors[0]?.data ?? new Float32Array();
    let several = 0;
    for (let partition = 1; partition < last; partition += 1) {
      const head = await prepared(segments, { exit, partition, direction: 'device-first' });
      const tail = await prepared(segments, { exit, partition, direction: 'edge-first' });
      const cut = (await segments.run(head, [input])).tensors;
      several += cut.length > 1 ? 1 : 0;
      expect(segments.takes(tail, cut)).toBe(true);
      const output = (await segments.run(tail, cut)).tensors[0]?.data ?? new Float32Array();
      expect(output.length).toBe(expected.length);
      expect(output.every((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)) < 1e-4)).toBe(true);
    }
    expect(several).toBeGreaterThan(0);
    // However often it was run, the input is still there.
    expect(input.data[1]).toBeCloseTo(Math.sin(1), 6);
  });

  test('takes the tensors of its cut only', async () => {
    const { segments, input } = await open(alexNet);
    const tail: DevicePart = { exit: 5, partition: 8, direction: 'edge-first' };
    expect(segments.takes(tail, [input])).toBe(false);
    expect(segments.takes(tail, [])).toBe(false);
    expect(segments.takes({ ...tail, direction: 'device-first' }, [input])).toBe(true);
  });

  test('stands ready when it is loaded, for all exits that share it; the two directions are loaded apart', async () => {
    const { segments } = await open(alexNet);
    const head: DevicePart = { exit: 5, partition: 2, direction: 'device-first' };
    const tail: DevicePart = { ...head, direction: 'edge-first' };
    await segments.prepare(head);
    expect([segments.has(head), segments.has({ ...head, exit: 1 }), segments.has(tail)]).toEqual([true, true, false]);
    await segments.prepare(tail);
    expect([segments.has(tail), segments.has({ ...tail, exit: 1 })]).toEqual([true, false]);
  });

  test('is followed by what runs on from its tensors in each exit that shares them, as the whole branch would have', async () => {
    for (const path of [alexNet, resNet]) {
      const { segments, description, input } = await open(path);
      const lastExit = description.branches.length;
      const last = (exit: number): number => description.branches[exit - 1]?.layers.length ?? 0;
      const shared = new Set<number>();
      for (let partition = 1; partition < last(lastExit); partition += 1) {
        const head: DevicePart = { exit: lastExit, partition, direction: 'device-first' };
        const tails = segments.continuing(head);
        expect(tails).toContainEqual({ ...head, direction: 'edge-first' });
        for (const tail of tails.filter(({ exit }) => !shared.has(exit))) {
          shared.add(tail.exit);
          const whole: DevicePart = { exit: tail.exit, partition: last(tail.exit), direction: 'device-first' };
          for (const part of [head, tail, whole]) await segments.prepare(part);
          const cut = (await segments.run(head, [input])).tensors;
          expect(segments.takes(tail, cut)).toBe(true);
          const [expected] = (await segments.run(whole, [input])).tensors;
          const [output] = (await segments.run(tail, cut)).tensors;
          expect(output?.data.length).toBe(expected?.data.length);
          const differences = expected?.data.map((value, i) => Math.abs(value - (output?.data[i] ?? Number.NaN)));
          expect(Math.max(...(differences ?? [Number.NaN]))).toBeLessThanOrEqual(1e-5);
        }
      }
      expect(shared.size).toBe(lastExit);
    }
  });

  test('is followed by nothing where nothing was run, or all of it, or the worker goes first', async () => {
    const { segments, description } = await open(alexNet);
    const last = description.branches.at(-1)?.layers.length ?? 0;
    const part: DevicePart = { exit: 5, partition: 8, direction: 'edge-first' };
    expect(segments.continuing(part)).toEqual([]);
    for (const partition of [0, last]) {
      expect(segments.continuing({ exit: 5, partition, direction: 'device-first' })).toEqual([]);
    }
  });

  test('is gone once it is released, and can be loaded again', async () => {
    const { segments } = await open(alexNet);
    const tail = await prepared(segments, { exit: 5, partition: 8, direction: 'edge-first' });
    await segments.release(tail);
    expect(segments.has(tail)).toBe(false);
    await segments.release(tail);
    await segments.prepare(tail);
    expect(segments.has(tail)).toBe(true);
  });

  test('is stretched on an emulated processor, a tail as a head', async () => {
    const factor = 200;
    const { segments, input } = await open(alexNet, factor);
    const head = await prepared(segments, { exit: 5, partition: 16, direction: 'device-first' });
    const tail = await prepared(segments, { exit: 5, partition: 16, direction: 'edge-first' });
    const { tensors } = await segments.run(head, [input]);
    const { computeMs, runtimeMs } = await segments.run(tail, tensors);
    expect(computeMs).toBeGreaterThan(2 * runtimeMs);
  });

  test('is loaded without any layer past its exit and without any of the other side of the cut', async () => {
    for (const path of [alexNet, resNet]) {
      const { graph } = await readModel(repositoryFile(...path));
      const shapes = await traceShapes(graph);
      const { thread, takeLoads } = recordLoads(startInferenceThread({ maxSessions: 4 }));
      threads.push(thread);
      const description = describeModel(graph, shapes);
      const segments = createSegments({ graph, description, shapes, thread, processorFactor: 1, clock: systemClock });
      for (const [index, { layers }] of branchesOf(graph).entries()) {
        const names = layers.map(({ name }) => name);
        for (let partition = 0; partition <= names.length; partition += 1) {
          const place = { exit: index + 1, partition };
          await segments.prepare({ ...place, direction: 'device-first' });
          expect(await takeLoads()).toEqual(partition === 0 ? [] : [names.slice(0, partition)]);
          await segments.prepare({ ...place, direction: 'edge-first' });
          expect(await takeLoads()).toEqual(partition === names.length ? [] : [names.slice(partition)]);
        }
      }
    }
  });

  test('keeps the thread busy while it is loaded, by what loading others took', async () => {
    // It stands still: that this process may have to wait itself takes nothing from what is left.
    const { segments } = await open(alexNet, 2, createFakeClock());
    expect(segments.busyMs()).toBe(0);
    await prepared(segments, { exit: 5, partition: 2, direction: 'device-first' });
    expect(segments.busyMs()).toBe(0);
    const loading = segments.prepare({ exit: 5, partition: 2, direction: 'edge-first' });
    expect(segments.busyMs()).toBeGreaterThan(0);
    await loading;
    expect(segments.busyMs()).toBe(0);
  });

  test('that the model has not is refused', async () => {
    const { segments } = await open(alexNet);
    expect(() => segments.has({ exit: 1, partition: 99, direction: 'edge-first' })).toThrow(
      expect.objectContaining({ code: 'partition-out-of-range' }),
    );
  });
});
