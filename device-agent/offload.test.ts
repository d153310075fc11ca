import { describe, expect, test } from 'vitest';
import type { Plan } from '../shared/planner/plan.ts';
import type { Assembled } from '../shared/protocol/reassembly.ts';
import type { ChunkHeader } from '../shared/protocol/tensor-frame.ts';
import { createFakeClock } from '../shared/runtime/clock.ts';
import { createLog } from '../shared/runtime/log.ts';
import { sampleHeader } from '../shared/testing/chunks.ts';
import { createOffloadClient, type GivenUp } from './offload.ts';
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
  const late: GivenUp[] = [];
  offload.useWorker('edge');
  offload.onLateReply((_, of) => void late.push(of));
  const tensors = [{ data: new Float32Array(4), dims: [4] }];
  const request = { kind: 'request', worker: 'edge', model: '0011223344556677', plan, tensors } as const;
  const { outcome, giveUp } = offload.send({ ...request, timeLeftMs: giveUpAtMs, giveUpAtMs, leadBytes: 1000 });
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
  expect(late).toEqual([{ kind: 'request', plan, status: 'ok' }]);
});

test('so is one to a request that nobody waits for any longer', async () => {
  const { late, outcome, answer, giveUp } = sendOne();
  giveUp();
  expect(await outcome).toEqual({ kind: 'timeout' });
  answer();
  expect(late).toEqual([{ kind: 'request', plan, status: 'ok' }]);
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

describe('a request that waits for the link', () => {
  const elements = 8192;
  const request = { kind: 'request', worker: 'edge', model: '0011223344556677', plan, leadBytes: 0 } as const;

  /** @returns a client whose broker reads nothing, so that one message after another is held back */
  function startStalled() {
    const clock = createFakeClock();
    const worker = createScriptedWorker({ device: 'camera', worker: 'edge' });
    worker.stall();
    const { connection } = worker;
    const log = createLog('test', 'silent');
    const offload = createOffloadClient({ device: 'camera', boot: 1, connection, clock, log });
    offload.useWorker('edge');
    const tensors = [{ data: new Float32Array(elements), dims: [elements] }];
    const send = (giveUpAtMs: number) => offload.send({ ...request, tensors, timeLeftMs: giveUpAtMs, giveUpAtMs });
    const { underWay } = connection;
    return { clock, worker, underWay, send };
  }

  test('is sent no further when it is given up, and the next one is whole', async () => {
    const { clock, worker, underWay, send } = startStalled();
    const late = send(giveUpAtMs);
    clock.advance(giveUpAtMs);
    expect(await late.outcome).toEqual({ kind: 'timeout' });
    const next = send(10 * giveUpAtMs);
    while (underWay.bytes() > 0) underWay.wasRead(underWay.published());
    expect(worker.requests.map(({ header }) => header.sequence)).toEqual([2]);
    expect(late.bytes()).toBeLessThan(next.bytes());
  });

  test('says what time is left when its first message goes', () => {
    const { clock, worker, underWay, send } = startStalled();
    send(giveUpAtMs).giveUp();
    const next = send(giveUpAtMs);
    expect(next.bytes()).toBe(0);
    clock.advance(30);
    while (underWay.bytes() > 0) underWay.wasRead(underWay.published());
    expect(worker.requests[0]?.header.timeLeftUs).toBe((giveUpAtMs - 30) * 1000);
  });

  test('ends with the connection, whatever was sent of it', async () => {
    const { worker, send } = startStalled();
    const [begun, waiting] = [send(giveUpAtMs), send(giveUpAtMs)];
    worker.disconnect();
    expect(await begun.outcome).toEqual({ kind: 'disconnected' });
    expect(await waiting.outcome).toEqual({ kind: 'disconnected' });
    expect(worker.requests).toEqual([]);
  });

  test('is sent no further when a refusal answers its first message', async () => {
    const { worker, underWay, send } = startStalled();
    const sent = send(giveUpAtMs);
    const bytes = sent.bytes();
    const asked = assembledOf({ ...sampleHeader, boot: 1, sequence: 1 });
    worker.deliver(worker.answer(asked, { status: 'unavailable' }));
    expect(await sent.outcome).toMatchObject({ kind: 'reply', status: 'unavailable' });
    underWay.wasRead(underWay.published());
    expect(underWay.published()).toBe(bytes);
  });
});

function assembledOf(header: ChunkHeader): Assembled {
  return { header, tensors: [], firstArrivalMs: 0, lastArrivalMs: 0, bytesAfterFirst: 0 };
}
