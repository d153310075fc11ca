import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { deviceTopic } from '../../shared/protocol/topics.ts';
import { percentile } from '../../shared/runtime/statistics.ts';
import { type BrokerProcess, startBrokerProcess } from './broker-process.ts';
import { fixedHeader, pingreq, publishPacket, subscribePacket } from './packets.ts';
import { connectAs, testKeyFile } from './test-broker.ts';

/** How many connect at the same time: what a listen queue takes with ease. */
const atOnce = 100;

export function startDeviceBroker(settings: Record<string, number> = {}): Promise<BrokerProcess> {
  return startBrokerProcess({ publicKeyFile: testKeyFile(), ...settings });
}

async function inLanes(count: number, one: (i: number) => Promise<void>): Promise<void> {
  const lane = async (first: number): Promise<void> => {
    for (let i = first; i < count; i += atOnce) await one(i);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, (_, first) => lane(first)));
}

/** @returns how long each of so many exchanges of one device with the broker took, ms */
export async function exchangeTimes({ mqttUrl }: BrokerProcess, count: number, id = 'measured'): Promise<number[]> {
  const { client, code } = await connectAs(mqttUrl, { role: 'device', id });
  if (code !== 0) throw new Error(`the device was refused with ${code}`);
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const startMs = performance.now();
    client.send(publishPacket(deviceTopic(id, 'telemetry'), 'x', { qos: 1 }));
    if ((await client.next())?.type !== 4) throw new Error('no PUBACK');
    times.push(performance.now() - startMs);
  }
  client.destroy();
  return times;
}

/** Connections that do nothing. @returns what each costs the broker, and how fast it serves another device meanwhile */
export async function idleCrowd(count: number): Promise<{ kibibytesEach: number; p99Ms: number }> {
  const broker = await startDeviceBroker();
  await exchangeTimes(broker, 500);
  const before = broker.residentMiB();
  await inLanes(count, async (i) => {
    const id = `idle-${i}`;
    const { client, code } = await connectAs(broker.mqttUrl, { role: 'device', id }, { keepalive: 300 });
    client.send(subscribePacket([deviceTopic(id, 'desired')], 1));
    if (code !== 0 || (await client.next())?.type !== 9) throw new Error(`${id} was refused with ${code}`);
  });
  const kibibytesEach = ((broker.residentMiB() - before) * 1024) / count;
  const p99Ms = percentile(await exchangeTimes(broker, 300), 0.99);
  return { kibibytesEach, p99Ms };
}

/** Sockets that say nothing, or half a CONNECT. @returns the longest that one was open, and devices refused meanwhile */
export async function halfOpenCrowd(count: number): Promise<{ closedMs: number; refused: number; entered: number }> {
  const broker = await startDeviceBroker();
  const { hostname, port } = new URL(broker.mqttUrl);
  let longestMs = 0;
  const closed: Promise<void>[] = [];
  await inLanes(count, async (i) => {
    const socket = connect({ host: hostname, port: Number(port) });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.resume();
    const close = once(socket, 'close');
    await once(socket, 'connect');
    const openedMs = performance.now();
    closed.push(
      close.then(() => {
        longestMs = Math.max(longestMs, performance.now() - openedMs);
      }),
    );
    if (i % 2 === 0) socket.write(fixedHeader(0x10, 100));
  });
  let refused = 0;
  let entered = 0;
  let waiting = true;
  const all = Promise.all(closed).then(() => {
    waiting = false;
  });
  while (waiting) {
    const { client, code } = await connectAs(broker.mqttUrl, { role: 'device', id: `d${entered + refused}` });
    if (code === 0) entered += 1;
    else refused += 1;
    client.destroy();
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
  return { closedMs: longestMs, refused, entered };
}

/** Devices that were all cut at the same moment and are all back at once. @returns when the last one was in, ms */
export async function returningCrowd(count: number): Promise<{ lastMs: number; refused: number }> {
  const broker = await startDeviceBroker();
  const enter = async (i: number): Promise<{ socket: Socket; code: number }> => {
    const { client, code } = await connectAs(broker.mqttUrl, { role: 'device', id: `d${i}` }, { keepalive: 300 });
    return { socket: client.socket, code };
  };
  const first = await Promise.all(Array.from({ length: count }, (_, i) => enter(i)));
  for (const { socket } of first) socket.resetAndDestroy();
  const startMs = performance.now();
  const back = await Promise.all(Array.from({ length: count }, (_, i) => enter(i)));
  return { lastMs: performance.now() - startMs, refused: back.filter(({ code }) => code !== 0).length };
}

/** Declares 256 MiB again and again, before and after CONNECT. @returns how much more memory the broker took, MiB */
export async function giantDeclarations(count: number): Promise<{ grownMiB: number; cut: number }> {
  const broker = await startDeviceBroker();
  // What as many honest connections cost is no cost of the attack.
  await inLanes(2 * count, async (i) => {
    const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: `d${i}` });
    client.destroy();
  });
  const before = broker.peakMiB();
  const giant = (first: number): Buffer => Buffer.concat([fixedHeader(first, (256 << 20) - 1), Buffer.alloc(1000)]);
  await inLanes(count, async (i) => {
    const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: `d${i}` });
    client.send(giant(0x30));
    await client.closed;
    const { hostname, port } = new URL(broker.mqttUrl);
    const early = connect({ host: hostname, port: Number(port) });
    early.on('error', () => {});
    early.resume();
    early.write(giant(0x10));
    await new Promise((resolve) => early.once('close', resolve));
  });
  const grownMiB = broker.peakMiB() - before;
  return { grownMiB, cut: (await broker.stop()).refused['packet-too-large'] ?? 0 };
}

/** A peer that only pings. */
export async function pingTimes({ mqttUrl }: BrokerProcess, until: () => boolean): Promise<number[]> {
  const { client } = await connectAs(mqttUrl, { role: 'device', id: 'pinging' });
  const times: number[] = [];
  while (!until()) {
    const startMs = performance.now();
    client.send(pingreq);
    await client.next();
    times.push(performance.now() - startMs);
  }
  return times;
}
