import { beforeAll, describe, expect, test } from 'vitest';
import { createLinkMonitor } from '../device-agent/link-monitor.ts';
import { createOffloadClient, type OffloadClient, type OffloadRequest, type Sent } from '../device-agent/offload.ts';
import { sendLeadBytes } from '../device-agent/send-lead.ts';
import type { MqttConnection } from '../shared/adapters/mqtt-connection.ts';
import { transferMs } from '../shared/planner/wire-bytes.ts';
import { buildEmptyReply, chunkLimitsFor } from '../shared/protocol/chunking.ts';
import { createReassembler } from '../shared/protocol/reassembly.ts';
import { openChunk } from '../shared/protocol/tensor-frame.ts';
import {
  allDevicesFilter,
  deviceTopic,
  offloadFilter,
  parseTopic,
  replyTopic,
  workerTopic,
} from '../shared/protocol/topics.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { cleanupAfterAll } from './testing/cleanup.ts';
import { type LocalBroker, startLocalBroker } from './testing/local-broker.ts';
import { quietLog } from './testing/platform-options.ts';
import { startTestLink, type TestLink } from './testing/test-link.ts';

const worker = 'edge';
const rttMs = 5;
const kibi = 1024;
/** What timers, event loops and a busy machine may add, ms. */
const slackMs = 400;
/** A chunk of the least size with its headers: what may wait behind another one of its kind on a slow link. */
const messageBytes = 4096 + 200;
const stuckBytes = 2 * messageBytes;

const cleanup = cleanupAfterAll();
let broker: LocalBroker;
/** When the worker had each request whole, by device and sequence. */
const wholeAtMs = new Map<string, number>();
const chunksSeen = new Map<string, number>();

beforeAll(async () => {
  broker = await startLocalBroker(cleanup);
  await listen(await broker.connect('worker', worker));
});

/** A worker that computes nothing: it takes requests and answers each that is whole. */
async function listen(connection: MqttConnection): Promise<void> {
  const reassembler = createReassembler({ maxBytesPerSender: 32 << 20, maxAgeMs: 600_000 });
  connection.subscribe(offloadFilter(worker), (topic, payload) => {
    const device = parseTopic(topic)?.id ?? '';
    const chunk = openChunk(payload);
    const key = `${device}/${chunk.header.sequence}`;
    chunksSeen.set(key, (chunksSeen.get(key) ?? 0) + 1);
    const whole = reassembler.accept(device, chunk, systemClock.nowMs());
    if (whole === undefined) return;
    wholeAtMs.set(key, systemClock.nowMs());
    const { boot, sequence, model, exit, partition, direction } = whole.header;
    const envelope = { kind: 'reply', boot, sequence, model, exit, partition, direction, timeLeftUs: 0 } as const;
    connection.publish(replyTopic(device, worker), buildEmptyReply({ ...envelope, status: 'ok', encoding: 'f32' }));
  });
  // Acknowledged after the subscription.
  await connection.publishAcknowledged(workerTopic(worker, 'presence'), '{}');
}

interface Device {
  link: TestLink;
  data: MqttConnection;
  offload: OffloadClient;
  /** Connects once more over the same link. */
  control(): Promise<MqttConnection>;
  send(bytes: number, giveUpInMs: number): Sent;
}

async function startDevice(id: string, mbps: number, keepaliveSeconds = 10): Promise<Device> {
  const link = await startTestLink({ cleanup, platform: { brokerUrl: broker.url }, mbps, rttMs });
  const data = await broker.connect('device', id, { url: link.brokerUrl, suffix: '/data', keepaliveSeconds });
  const offload = createOffloadClient({ device: id, boot: 1, connection: data, clock: systemClock, log: quietLog });
  offload.useWorker(worker);
  const base: Omit<OffloadRequest, 'tensors' | 'timeLeftMs' | 'giveUpAtMs'> = {
    kind: 'request',
    worker,
    model: '0011223344556677',
    plan: { exit: 1, partition: 0, direction: 'device-first', encoding: 'f32' },
    limits: chunkLimitsFor(mbps),
    leadBytes: sendLeadBytes({ uplinkMbps: mbps, rttMs }),
  };
  return {
    link,
    data,
    offload,
    control: () => broker.connect('device', id, { url: link.brokerUrl }),
    send(bytes, giveUpInMs) {
      const floats = new Float32Array(bytes / Float32Array.BYTES_PER_ELEMENT);
      const giveUpAtMs = systemClock.nowMs() + giveUpInMs;
      return offload.send({
        ...base,
        tensors: [{ data: floats, dims: [floats.length] }],
        timeLeftMs: giveUpInMs,
        giveUpAtMs,
      });
    },
  };
}

const seconds = (count: number): number => count * 1000;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve));
}

describe('on a link of 0.25 Mbit/s', () => {
  const mbps = 0.25;

  test('what was given up keeps the next frame waiting for no longer than two chunks take', async ({ annotate }) => {
    const device = await startDevice('gives-up', mbps);
    const late = device.send(128 * kibi, 800);
    expect(await late.outcome).toEqual({ kind: 'timeout' });
    expect(late.bytes()).toBeGreaterThan(stuckBytes);
    expect(device.data.underWay.bytes()).toBeLessThanOrEqual(stuckBytes);
    const startMs = systemClock.nowMs();
    const next = device.send(kibi, seconds(10));
    expect(await next.outcome).toMatchObject({ kind: 'reply', status: 'ok' });
    const tookMs = (wholeAtMs.get('gives-up/2') ?? 0) - startMs;
    await annotate(`the frame after one that was given up took ${tookMs.toFixed(0)} ms up`);
    expect(tookMs).toBeLessThan(transferMs(stuckBytes + next.bytes(), mbps) + rttMs + slackMs);
    // Nothing more of it came.
    const chunks = chunksSeen.get('gives-up/1') ?? 0;
    expect(chunks * 4096).toBeLessThanOrEqual(late.bytes());
    expect(wholeAtMs.has('gives-up/1')).toBe(false);
  });

  test('frames that are given up do not make the link seem slower than it is', async ({ annotate }) => {
    const device = await startDevice('measures', mbps);
    const monitor = createLinkMonitor(systemClock);
    const small = await device.send(4, seconds(10)).outcome;
    if (small.kind === 'reply') monitor.observeRtt(small);
    const whole = await device.send(16 * kibi, seconds(10)).outcome;
    if (whole.kind === 'reply') monitor.observe('passive', whole);
    expect(Math.abs((monitor.link()?.uplinkMbps ?? 0) / mbps - 1)).toBeLessThan(0.3);
    for (let i = 0; i < 3; i += 1) {
      const late = device.send(128 * kibi, 700);
      await late.outcome;
      const { bytes, elapsedMs } = late.reached();
      monitor.observeMissing(bytes, elapsedMs, late.arrived());
      await pause(50);
    }
    const behind = await device.send(4 * kibi, seconds(10)).outcome;
    if (behind.kind === 'reply') monitor.observe('passive', behind);
    const believed = monitor.link()?.uplinkMbps ?? 0;
    await annotate(`believed ${believed.toFixed(3)} Mbit/s after three frames that were given up`);
    expect(believed).toBeGreaterThan(0.7 * mbps);
    expect(believed).toBeLessThan(1.5 * mbps);
  });

  test('a configuration is asked for and comes while tensors are sent', async ({ annotate }) => {
    const id = 'configured';
    const device = await startDevice(id, mbps);
    const control = await device.control();
    const plane = await broker.connect('control-plane', 'control-plane');
    const configuration = 'x'.repeat(2 * kibi);
    plane.subscribe(allDevicesFilter('configuration-request'), () => {
      void plane.publishAcknowledged(deviceTopic(id, 'desired'), configuration);
    });
    let came = (): void => undefined;
    control.subscribe(deviceTopic(id, 'desired'), () => came());
    const tensors = device.send(512 * kibi, seconds(60));
    const times: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      await pause(300 + 37 * i);
      const startMs = systemClock.nowMs();
      const arrived = new Promise<void>((resolve) => {
        came = resolve;
      });
      void control.publishAcknowledged(deviceTopic(id, 'configuration-request'), '{"schema":1,"version":0}');
      await arrived;
      times.push(systemClock.nowMs() - startMs);
    }
    await annotate(`from question to configuration: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    expect(tensors.remainingMs()).toBeGreaterThan(0);
    tensors.giveUp();
    const upMs = transferMs(stuckBytes + 200, mbps);
    const downMs = transferMs(configuration.length + 200, mbps);
    expect(Math.max(...times)).toBeLessThan(upMs + downMs + rttMs + slackMs);
  });
});

describe('a tensor of 1 MiB', () => {
  test('comes whole over 1 Mbit/s, on one connection that stays', async ({ annotate }) => {
    const device = await startDevice('patient', 1, 2);
    let losses = 0;
    device.data.onDisconnect(() => {
      losses += 1;
    });
    const startMs = systemClock.nowMs();
    const sent = device.send(1 << 20, seconds(60));
    expect(await sent.outcome).toMatchObject({ kind: 'reply', status: 'ok' });
    const tookMs = systemClock.nowMs() - startMs;
    await annotate(`${sent.bytes()} bytes in ${tookMs.toFixed(0)} ms`);
    expect(losses).toBe(0);
    expect(tookMs).toBeLessThan(1.1 * transferMs(sent.bytes(), 1) + slackMs);
  });

  test('is given up at its deadline over 50 kbit/s, on one connection that stays and serves the next', async () => {
    // Its keepalive is over several times before the deadline: signs that the broker reads keep the connection alive.
    const device = await startDevice('thin', 0.05, 2);
    let losses = 0;
    device.data.onDisconnect(() => {
      losses += 1;
    });
    const sent = device.send(1 << 20, seconds(10));
    expect(await sent.outcome).toEqual({ kind: 'timeout' });
    expect(await device.send(kibi, seconds(10)).outcome).toMatchObject({ kind: 'reply', status: 'ok' });
    expect(losses).toBe(0);
    expect(sent.bytes()).toBeLessThan((0.05e6 / 8) * 10 + stuckBytes + messageBytes);
  });
});
