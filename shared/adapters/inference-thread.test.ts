import { afterEach, describe, expect, test } from 'vitest';
import type { Tensors } from '../model/tensor.ts';
import { buildOnnx, weight } from '../testing/build-onnx.ts';
import { type InferenceThread, startInferenceThread } from './inference-thread.ts';
import { estimatedSessionBytes } from './session-memory.ts';

const width = 4;

/** y = x + amount */
const adding = (amount: number) =>
  buildOnnx({
    nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
    outputs: ['y'],
    initializers: [
      weight(
        'w',
        Array.from({ length: width }, () => amount),
      ),
    ],
  });

const input = (value: number): Tensors => ({ x: { data: new Float32Array(width).fill(value), dims: [1, width] } });

const threads: InferenceThread[] = [];
function start(maxSessions = 4): InferenceThread {
  const thread = startInferenceThread({ maxSessions });
  threads.push(thread);
  return thread;
}
afterEach(async () => {
  for (const thread of threads.splice(0)) await thread.close();
});

describe('an inference thread', () => {
  test('runs a loaded segment and hands buffers over instead of copying them', async () => {
    const thread = start();
    const { loadMs } = await thread.load('add1', adding(1));
    expect(loadMs).toBeGreaterThan(0);
    expect(thread.has('add1')).toBe(true);
    const given = input(2);
    const before = performance.now();
    const { outputs, computeMs, runtimeMs, startedAtMs } = await thread.run('add1', given);
    expect([...(outputs.y?.data ?? [])]).toEqual([3, 3, 3, 3]);
    expect(given.x?.data.length).toBe(0);
    expect(computeMs).toBeGreaterThanOrEqual(runtimeMs);
    expect(startedAtMs).toBeGreaterThanOrEqual(before - 0.5);
    expect(startedAtMs).toBeLessThanOrEqual(performance.now());
  });

  test('copies a view of part of a buffer, so that the rest stays with the caller', async () => {
    const thread = start();
    await thread.load('add1', adding(1));
    const whole = new Float32Array(3 * width).fill(5);
    const { outputs } = await thread.run('add1', { x: { data: whole.subarray(width, 2 * width), dims: [1, width] } });
    expect(outputs.y?.data[0]).toBe(6);
    expect(whole.length).toBe(3 * width);
  });

  test('runs jobs in order, urgent ones before all that wait', async () => {
    const thread = start();
    await thread.load('add1', adding(1));
    const order: string[] = [];
    const run = (name: string, priority: 'normal' | 'urgent') =>
      thread.run('add1', input(0), { priority, minimumMs: 5 }).then(() => order.push(name));
    await Promise.all([
      run('first', 'normal'),
      run('second', 'normal'),
      run('third', 'normal'),
      run('urgent 1', 'urgent'),
      run('urgent 2', 'urgent'),
    ]);
    expect(order).toEqual(['first', 'urgent 1', 'urgent 2', 'second', 'third']);
  });

  test('lets a job that waits be withdrawn, with its buffers back, and one that runs finish', async () => {
    const thread = start();
    await thread.load('add1', adding(1));
    const abort = new AbortController();
    const given = input(0);
    const running = thread.run('add1', input(0), { minimumMs: 20, signal: abort.signal });
    const waiting = thread.run('add1', given, { signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'inference-cancelled' });
    await expect(running).resolves.toBeDefined();
    expect(given.x?.data.length).toBe(width);
    await expect(thread.run('add1', input(0), { signal: abort.signal })).rejects.toMatchObject({
      code: 'inference-cancelled',
    });
  });

  test('keeps no more sessions than it may, releasing the one used longest ago', async () => {
    const thread = start(2);
    await thread.load('a', adding(1));
    await thread.load('b', adding(2));
    await thread.run('a', input(0));
    await thread.load('c', adding(3));
    expect(['a', 'b', 'c'].map((key) => thread.has(key))).toEqual([true, false, true]);
    await expect(thread.run('b', input(0))).rejects.toMatchObject({ code: 'segment-not-loaded' });
    await thread.unload('a');
    expect(thread.has('a')).toBe(false);
  });

  test('keeps no more than fits into its memory, and none goes that has jobs pending', async () => {
    const bytes = adding(1);
    const thread = startInferenceThread({
      maxSessions: 10,
      maxSessionBytes: 2 * estimatedSessionBytes(bytes.byteLength),
      jobsInFlight: 4,
    });
    threads.push(thread);
    await thread.load('a', bytes);
    await thread.load('b', bytes);
    const running = thread.run('a', input(0), { minimumMs: 20 });
    const loading = thread.load('c', bytes);
    const pending = thread.run('a', input(1));
    expect((await Promise.all([running, loading, pending]))[2].outputs.y?.data[0]).toBe(2);
    expect(['a', 'b', 'c'].map((key) => thread.has(key))).toEqual([true, false, true]);
    expect(thread.sessionBytes()).toBe(2 * estimatedSessionBytes(bytes.byteLength));
  });

  test('holds several jobs at one time if it may, and still runs one after the other', async () => {
    const thread = startInferenceThread({ maxSessions: 4, jobsInFlight: 3 });
    threads.push(thread);
    await thread.load('add1', adding(1));
    const results = await Promise.all([1, 2, 3, 4].map((value) => thread.run('add1', input(value), { minimumMs: 5 })));
    expect(results.map(({ outputs }) => outputs.y?.data[0])).toEqual([2, 3, 4, 5]);
    for (const [index, { startedAtMs, computeMs }] of results.slice(0, -1).entries()) {
      expect(startedAtMs + computeMs).toBeLessThanOrEqual((results[index + 1]?.startedAtMs ?? 0) + 0.5);
    }
  });

  test('answers what cannot be run with a code, and goes on', async () => {
    const thread = start();
    await expect(thread.load('text', Buffer.from('no model'))).rejects.toMatchObject({ code: 'inference-failed' });
    await thread.load('add1', adding(1));
    const wrongSize = { x: { data: new Float32Array(3), dims: [1, width] } };
    await expect(thread.run('add1', wrongSize)).rejects.toMatchObject({ code: 'tensor-unsupported' });
    const wrongName = { z: { data: new Float32Array(width), dims: [1, width] } };
    await expect(thread.run('add1', wrongName)).rejects.toMatchObject({ code: 'inference-failed' });
    expect((await thread.run('add1', input(1))).outputs.y?.data[0]).toBe(2);
  });

  test('emulating a slower processor ends a run within 5 % after the minimum', async () => {
    const thread = start();
    await thread.load('add1', adding(1));
    const times: number[] = [];
    for (let round = 0; round < 15; round += 1) {
      times.push((await thread.run('add1', input(0), { minimumMs: 20 })).computeMs);
    }
    expect(Math.min(...times)).toBeGreaterThanOrEqual(20);
    expect(times.toSorted((a, b) => a - b)[7]).toBeLessThan(21);
  });

  test('measures a segment: minimum, median and 90th percentile in order', async () => {
    const thread = start();
    await thread.load('add1', adding(1));
    const { minMs, medianMs, p90Ms, runs } = await thread.measure('add1', input(0), { warmUp: 2, runs: 20, gapMs: 1 });
    expect(runs).toBe(20);
    expect(minMs).toBeGreaterThan(0);
    expect(medianMs).toBeGreaterThanOrEqual(minMs);
    expect(p90Ms).toBeGreaterThanOrEqual(medianMs);
  });
});

describe('closing', () => {
  test('during a run lets it finish and fails what waits', async () => {
    const thread = start();
    await thread.load('add1', adding(1));
    const running = thread.run('add1', input(1), { minimumMs: 30 });
    const waiting = thread.run('add1', input(1));
    const closed = thread.close();
    await expect(waiting).rejects.toMatchObject({ code: 'inference-closed' });
    expect((await running).outputs.y?.data[0]).toBe(2);
    await closed;
    await expect(thread.run('add1', input(1))).rejects.toMatchObject({ code: 'inference-closed' });
    await expect(thread.load('add2', adding(2))).rejects.toMatchObject({ code: 'inference-closed' });
  });

  test('twice, or right after the start, is harmless', async () => {
    const thread = start();
    await Promise.all([thread.close(), thread.close()]);
    expect(thread.pending).toBe(0);
  });
});
