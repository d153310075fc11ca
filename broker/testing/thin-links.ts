import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { offloadFilter, offloadTopic } from '../../shared/protocol/topics.ts';
import { seededRandom } from '../../shared/runtime/random.ts';
import type { BrokerProcess } from './broker-process.ts';
import { startDeviceBroker } from './crowds.ts';
import { connectPacket, disconnect, pingreq, publishPacket, subscribePacket } from './packets.ts';
import { connectRaw, type RawClient, readPublish } from './raw-client.ts';
import { connectAs, deviceToken } from './test-broker.ts';

const sliceMs = 50;

/** A tensor as its bytes are to arrive. */
function tensor(bytes: number, seed: number): Buffer {
  const random = seededRandom(seed);
  return Buffer.from(Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256)));
}

async function worker({ mqttUrl }: BrokerProcess, id: string, keepalive = 300): Promise<RawClient> {
  const { client } = await connectAs(mqttUrl, { role: 'worker', id }, { keepalive });
  client.send(subscribePacket([offloadFilter(id)]));
  await client.next();
  return client;
}

/** @returns what came of the next message, undefined where the connection ended first */
async function nextPayload(client: RawClient): Promise<Buffer | undefined> {
  for (let one = await client.next(); one !== undefined; one = await client.next()) {
    if (one.type === 3) return readPublish(one).payload;
  }
  return undefined;
}

export interface ThinLink {
  bytes: number;
  bytesPerSecond: number;
  keepaliveSeconds: number;
}

/** A device whose link takes a tensor's bytes at this rate, and nothing else meanwhile. @returns whether it arrived whole */
export async function thinUplink({ bytes, bytesPerSecond, keepaliveSeconds }: ThinLink): Promise<boolean> {
  const broker = await startDeviceBroker();
  const receiver = await worker(broker, 'w1');
  const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: 'd1' }, { keepalive: keepaliveSeconds });
  const payload = tensor(bytes, 1);
  const packet = publishPacket(offloadTopic('d1', 'w1'), payload);
  const arrived = nextPayload(receiver);
  const startMs = performance.now();
  for (let at = 0; at < packet.length && !client.socket.destroyed; ) {
    const due = Math.floor(((performance.now() - startMs) * bytesPerSecond) / 1000);
    if (due > at) client.send(packet.subarray(at, due));
    at = Math.max(at, due);
    await new Promise((resolve) => setTimeout(resolve, sliceMs));
  }
  // Cut off, it never arrives.
  return (await Promise.race([arrived, client.closed]))?.equals(payload) === true;
}

/** A worker whose link takes a tensor's bytes at this rate; it pings as it should. @returns whether it arrived whole */
export async function thinDownlink({ bytes, bytesPerSecond, keepaliveSeconds }: ThinLink): Promise<boolean> {
  const broker = await startDeviceBroker({ stallTimeoutMs: 2000 });
  const receiver = await worker(broker, 'w1', keepaliveSeconds);
  const { socket } = receiver;
  const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: 'd1' });
  const payload = tensor(bytes, 2);
  const packet = publishPacket(offloadTopic('d1', 'w1'), payload);
  const got: Buffer[] = [];
  socket.removeAllListeners('data');
  socket.pause();
  let size = 0;
  let pingedMs = 0;
  client.send(packet);
  const startMs = performance.now();
  while (size < packet.length && !socket.destroyed) {
    await new Promise((resolve) => setTimeout(resolve, sliceMs));
    const nowMs = performance.now() - startMs;
    const due = Math.min(packet.length, Math.floor((nowMs * bytesPerSecond) / 1000)) - size;
    const read: unknown = due > 0 ? (socket.read(due) ?? socket.read()) : null;
    if (Buffer.isBuffer(read)) size += got.push(read) > 0 ? read.length : 0;
    if (nowMs - pingedMs < keepaliveSeconds * 500) continue;
    pingedMs = nowMs;
    socket.write(pingreq);
  }
  // Answers to its pings come in between, two bytes each.
  return Buffer.concat(got).includes(payload);
}

/** A device whose whole connection comes in slices of one byte. @returns how many of its tensors arrived as they were */
export async function oneByteSlices(count: number): Promise<number> {
  const broker = await startDeviceBroker();
  const receiver = await worker(broker, 'w1');
  const raw = await connectRaw(broker.mqttUrl);
  onTestFinished(() => raw.destroy());
  const hello = connectPacket({ clientId: 'd1', username: 'd1', password: deviceToken('d1') });
  const payloads = Array.from({ length: count }, (_, i) => tensor(200, i + 3));
  const packets = payloads.map((payload) => publishPacket(offloadTopic('d1', 'w1'), payload));
  for (const byte of Buffer.concat([hello, ...packets, disconnect])) {
    raw.socket.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  let right = 0;
  for (const payload of payloads) right += (await nextPayload(receiver))?.equals(payload) === true ? 1 : 0;
  return right;
}

/** Devices reset in mid-packet, each at another byte. @returns what arrived of their tensors: nothing should */
export async function resetsInMidPacket(count: number): Promise<number> {
  const broker = await startDeviceBroker();
  const receiver = await worker(broker, 'w1');
  const packet = publishPacket(offloadTopic('d1', 'w1'), tensor(3000, 1));
  const random = seededRandom(9);
  for (let i = 0; i < count; i += 1) {
    const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: 'd1' });
    client.send(packet.subarray(0, 1 + Math.floor(random() * (packet.length - 1))));
    await new Promise(setImmediate);
    client.socket.resetAndDestroy();
  }
  const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: 'd1' });
  client.send(publishPacket(offloadTopic('d1', 'w1'), 'the end'));
  let parts = 0;
  while (String(await nextPayload(receiver)) !== 'the end') parts += 1;
  return parts;
}

const subscriber = fileURLToPath(new URL('./subscriber-main.js', import.meta.url));

/**
 * A worker process that runs a fifth of the time, and gets more than it can take.
 * @returns the messages that it took, and how often it was cut
 */
export async function slowWorker(forMs: number): Promise<{ taken: number; cuts: number }> {
  const broker = await startDeviceBroker({ stallTimeoutMs: 1000 });
  const words = [subscriber, broker.mqttUrl, 'w1', deviceToken('w1', 'worker'), offloadFilter('w1')];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  await once(child.stdout, 'data');
  const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: 'd1' });
  const packet = publishPacket(offloadTopic('d1', 'w1'), Buffer.alloc(65_536));
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs && child.exitCode === null) {
    child.kill('SIGSTOP');
    for (let i = 0; i < 8; i += 1) {
      client.send(packet);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    child.kill('SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  child.kill('SIGTERM');
  await ended;
  const { refused } = await broker.stop();
  const cuts = (refused['stalled'] ?? 0) + (refused['backlog'] ?? 0) + (refused['keepalive-missed'] ?? 0);
  return { taken: Number(/taken (\d+)/.exec(output)?.[1] ?? 0), cuts };
}
