import { expect, test } from 'vitest';
import type { Plan } from '../shared/planner/plan.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { createLog } from '../shared/runtime/log.ts';
import { createOffloadClient } from './offload.ts';
import { createScriptedWorker } from './testing/scripted-worker.ts';

const plan: Plan = { exit: 1, partition: 0, direction: 'device-first', encoding: 'f32' };
const giveUpAtMs = 100;

/** @returns a request that is on its way to a worker, and what the device hears late */
function sendOne() {
  const clock = createFakeClock();
  const worker = createScriptedWorker({ device: 'camera', worker: 'edge' });
  const { connection } = worker;
  const log = createLog('test', 'silent');
  const offload = createOffloadClient({ device: 'camera', boot: 1, connection, clock, log });
  const late: Plan[] = [];
  offload.useWorker('edge');
  offload.onLateReply((_, of) => void late.push(of));
  const tensors = [{ data: new Float32Array(4), dims: [4] }];
  const request = { kind: 'request', worker: 'edge', model: '0011223344556677', plan, tensors } as const;
  const { outcome, giveUp } = offload.send({ ...request, timeLeftMs: giveUpAtMs, giveUpAtMs });
  function answer(): void {
    const [asked] = worker.requests;
    if (asked === undefined) throw new Error('nothing was asked');
    worker.deliver(worker.answer(asked, {}));
  }
  return { clock, worker, late, outcome, answer, giveUp };
}

test('a reply to a request that was given up is told as a late one', async () => {
  const { clock, late, outcome, answer } = sendOne();
  clock.advance(giveUpAtMs);
  expect(await outcome).toEqual({ kind: 'timeout' });
  answer();
  expect(late).toEqual([plan]);
});

test('so is one to a request that nobody waits for any longer', async () => {
  const { late, outcome, answer, giveUp } = sendOne();
  giveUp();
  expect(await outcome).toEqual({ kind: 'timeout' });
  answer();
  expect(late).toEqual([plan]);
});

test('a request is forgotten when the connection is lost: what comes after it has gone is no reply', async () => {
  const { worker, late, outcome, answer } = sendOne();
  worker.disconnect();
  expect(await outcome).toEqual({ kind: 'disconnected' });
  answer();
  expect(late).toEqual([]);
});

test('a request that was given up before is forgotten then too', async () => {
  const { clock, worker, late, answer } = sendOne();
  clock.advance(giveUpAtMs);
  worker.disconnect();
  answer();
  expect(late).toEqual([]);
});
