import { setTimeout as sleep } from 'node:timers/promises';
import { createMqttConnection, type MqttConnection } from '../../../shared/adapters/mqtt-connection.ts';
import type { Tensor } from '../../../shared/model/tensor.ts';
import { chunkLimitsFor, chunksOf, type Envelope } from '../../../shared/protocol/chunking.ts';
import { openChunk } from '../../../shared/protocol/tensor-frame.ts';
import { offloadTopic, replyTopic } from '../../../shared/protocol/topics.ts';
import { createLog } from '../../../shared/runtime/log.ts';
import type { DevicesMeasure, DevicesStart, Measured } from './messages.ts';

// Many devices in one process, which do nothing but send the same image again and again: the cheapest load there is.

/** What a device believes of loopback, Mbit/s: an image then travels in one chunk. */
const assumedMbps = 1000;
/** No request of a full load waits longer, ms. */
const timeLeftMs = 20_000;
const connectMs = 60_000;
/** How long the last answers may take once nothing new is sent, ms: by then they are of no use. */
const drainMs = timeLeftMs;
const pollMs = 20;

interface Device {
  connection: MqttConnection;
  ask(worker: string): void;
}

/** All that the devices have sent and heard. */
interface Tally {
  /** The worker that they keep busy; undefined: none. */
  worker: string | undefined;
  ok: number;
  refused: number;
  pending: number;
}

const tally: Tally = { worker: undefined, ok: 0, refused: 0, pending: 0 };
const devices: Device[] = [];

async function start(request: DevicesStart): Promise<Measured> {
  const elements = request.dims.reduce((product, size) => product * size, 1);
  const tensor = { dims: request.dims, data: Float32Array.from({ length: elements }, (_, i) => Math.sin(i)) };
  // One after the other: together they would be a storm, which is not what is measured.
  for (const each of request.devices) devices.push(await connect(request, each, tensor));
  return { rate: 0, refused: 0 };
}

async function connect(
  { brokerUrl: url, workers, model, exit }: DevicesStart,
  { id, token }: DevicesStart['devices'][number],
  tensor: Tensor,
): Promise<Device> {
  const connection = createMqttConnection({ url, id, token, log: createLog('bench-devices', 'warn') });
  let sequence = 0;
  const ask = (worker: string): void => {
    sequence += 1;
    tally.pending += 1;
    const envelope = envelopeOf({ model, exit, sequence });
    for (const chunk of chunksOf(envelope, [tensor], chunkLimitsFor(assumedMbps))) {
      connection.publish(offloadTopic(id, worker), chunk);
    }
  };
  for (const worker of workers) {
    connection.subscribe(replyTopic(id, worker), (_topic, payload) => {
      if (openChunk(payload).header.status === 'ok') tally.ok += 1;
      else tally.refused += 1;
      tally.pending -= 1;
      if (tally.worker === worker) ask(worker);
    });
  }
  await connection.ready(connectMs);
  return { connection, ask };
}

function envelopeOf({ model, exit, sequence }: Pick<Envelope, 'model' | 'exit' | 'sequence'>): Envelope {
  const plan = { model, exit, partition: 0, direction: 'device-first', encoding: 'f32' } as const;
  return { kind: 'request', boot: 1, sequence, ...plan, timeLeftUs: timeLeftMs * 1000, status: 'ok' };
}

async function measure({ worker, warmUpMs, durationMs }: DevicesMeasure): Promise<Measured> {
  Object.assign(tally, { worker, pending: 0, refused: 0 });
  for (const device of devices) device.ask(worker);
  await sleep(warmUpMs);
  const before = tally.ok;
  const startMs = performance.now();
  await sleep(durationMs);
  const rate = (1000 * (tally.ok - before)) / (performance.now() - startMs);
  tally.worker = undefined;
  const drainedByMs = performance.now() + drainMs;
  while (tally.pending > 0 && performance.now() < drainedByMs) await sleep(pollMs);
  return { rate, refused: tally.refused + tally.pending };
}

process.on('message', (request: DevicesStart | DevicesMeasure) => {
  const done = request.kind === 'start' ? start(request) : measure(request);
  void done.then((measured) => process.send?.(measured));
});
process.once('SIGTERM', () => process.exit(0));
