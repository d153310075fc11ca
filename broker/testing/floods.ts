import { deviceTopic, offloadFilter, offloadTopic } from '../../shared/protocol/topics.ts';
import { percentile } from '../../shared/runtime/statistics.ts';
import { type BrokerProcess, type FinalCounts, startBrokerProcess } from './broker-process.ts';
import { exchangeTimes, startDeviceBroker } from './crowds.ts';
import { pingreq, publishPacket, subscribePacket } from './packets.ts';
import { connectPlain } from './plain-client.ts';
import { connectAs } from './test-broker.ts';

const mebi = 1 << 20;

/** What a flood did to the broker, and to others. */
export interface FloodOutcome {
  counts: FinalCounts;
  /** Memory at its most, MiB. */
  peakMiB: number;
  /** 99th percentile of another device's exchanges, ms: before it, and meanwhile. */
  p99BeforeMs: number;
  p99DuringMs: number;
}

async function measured(
  broker: BrokerProcess,
  { exchanges, before, flood }: { exchanges: number; before: () => Promise<void>; flood: () => Promise<void> },
): Promise<FloodOutcome> {
  await exchangeTimes(broker, exchanges * 4);
  const p99 = async (work: () => Promise<void>): Promise<number> => {
    let working = true;
    const done = work().finally(() => {
      working = false;
    });
    const times: number[] = [];
    while (working) times.push(...(await exchangeTimes(broker, exchanges)));
    await done;
    return percentile(times, 0.99);
  };
  const p99BeforeMs = await p99(before);
  const p99DuringMs = await p99(flood);
  return { p99BeforeMs, p99DuringMs, peakMiB: broker.peakMiB(), counts: await broker.stop() };
}

/**
 * Tensors of 64 KiB and 1 MiB to a worker that takes them, then as many to one that is frozen.
 * @param messages of each of the two
 */
export async function frozenSubscriber(messages: number): Promise<FloodOutcome> {
  const broker = await startDeviceBroker();
  const worker = async (id: string): Promise<() => void> => {
    const { client } = await connectAs(broker.mqttUrl, { role: 'worker', id });
    client.send(subscribePacket([offloadFilter(id)]));
    await client.next();
    client.socket.removeAllListeners('data');
    client.socket.resume();
    return () => void client.socket.pause();
  };
  await worker('taking');
  const freeze = await worker('frozen');
  freeze();
  const sendTo = async (id: string): Promise<void> => {
    const device = `to-${id}`;
    const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: device });
    const topic = offloadTopic(device, id);
    const [chunk, large] = [publishPacket(topic, Buffer.alloc(65_536)), publishPacket(topic, Buffer.alloc(mebi))];
    for (let i = 0; i < messages; i += 1) {
      client.send(i % 60 === 0 ? large : chunk, pingreq);
      await client.next();
    }
    client.destroy();
  };
  return measured(broker, { exchanges: 50, before: () => sendTo('taking'), flood: () => sendTo('frozen') });
}

/** One device publishes what it can, of so many bytes each. @param forMs how long */
export async function publishFlood(bytes: number, forMs: number): Promise<FloodOutcome> {
  const broker = await startDeviceBroker();
  const packet = publishPacket(deviceTopic('flooding', 'telemetry'), Buffer.alloc(bytes));
  const flood = async (): Promise<void> => {
    const { client } = await connectAs(broker.mqttUrl, { role: 'device', id: 'flooding' });
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      // The socket takes no more than the broker reads.
      if (client.socket.write(packet)) await new Promise(setImmediate);
      else await new Promise((resolve) => client.socket.once('drain', resolve));
    }
    client.destroy();
  };
  const idle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, forMs));
  return measured(broker, { exchanges: 50, before: idle, flood });
}

/** Retained messages on ever new topics, to a plain broker. @returns its memory at its most, and how many were refused */
export async function retainedFlood(options: {
  messages: number;
  bytes: number;
  maxRetainedTotalBytes: number;
}): Promise<{ peakMiB: number; refused: number }> {
  const { messages, bytes, maxRetainedTotalBytes } = options;
  const broker = await startBrokerProcess({ allowAnonymous: true, maxRetainedTotalBytes });
  const payload = Buffer.alloc(bytes);
  let client = await connectPlain(broker.mqttUrl, { clientId: 'flooding' });
  for (let i = 0; i < messages; i += 1) {
    try {
      await client.publish(`flood/${i}`, payload, { qos: 1, retain: true });
    } catch {
      // What exceeds a limit ends its connection.
      client = await connectPlain(broker.mqttUrl, { clientId: 'flooding' });
    }
  }
  const peakMiB = broker.peakMiB();
  return { peakMiB, refused: (await broker.stop()).refused['retained-too-large'] ?? 0 };
}

/** Messages of QoS 1 to sessions whose clients are away. @returns how many of them came when they were back */
export async function offlineFlood(options: {
  sessions: number;
  messages: number;
  bytes: number;
}): Promise<{ grownMiB: number; dropped: number; delivered: number }> {
  const broker = await startBrokerProcess({ allowAnonymous: true });
  const { mqttUrl } = broker;
  for (let i = 0; i < options.sessions; i += 1) {
    const away = await connectPlain(mqttUrl, { clientId: `away-${i}`, clean: false });
    await away.subscribe(['offline/#'], 1);
    await away.leave();
  }
  const sender = await connectPlain(mqttUrl, { clientId: 'sender' });
  const payload = Buffer.alloc(options.bytes);
  for (let i = 0; i < 100; i += 1) await sender.publish('elsewhere', payload, { qos: 1 });
  const before = broker.residentMiB();
  for (let i = 0; i < options.messages; i += 1) await sender.publish('offline/topic', payload, { qos: 1 });
  const grownMiB = broker.peakMiB() - before;
  let delivered = 0;
  for (let i = 0; i < options.sessions; i += 1) {
    const back = await connectPlain(mqttUrl, { clientId: `away-${i}`, clean: false });
    const messages = await back.untilPong();
    delivered += messages.length;
    for (const message of messages) await back.acknowledge(message);
    await back.leave();
  }
  return { grownMiB, delivered, dropped: (await broker.stop()).messagesDropped };
}
