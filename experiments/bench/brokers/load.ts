import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { offloadFilter, offloadTopic } from '../../../shared/protocol/topics.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createPacketReader } from './packet-reader.ts';
import { connectPacket, pubackPacket, publishPacket, subscribePacket } from './packets.ts';

export interface LoadOptions {
  url: string;
  qos: 0 | 1;
  bytes: number;
  /** @returns what an identity comes in with */
  passwordOf: (role: 'device' | 'worker', id: string) => string;
}

/** Devices that publish to workers through one broker, as fast as it goes. */
export interface Load {
  /** @returns messages that were delivered in this time */
  run(forMs: number): Promise<number>;
  close(): void;
}

/** Devices, each with a worker of its own. */
const pairs = 8;
/** Messages of a pair that are on their way: enough that the broker never waits, too few for it to drop any. */
const inFlight = 12;
const puback = Array.from({ length: 65_536 }, (_, id) => pubackPacket(id));

export async function openLoad(options: LoadOptions): Promise<Load> {
  let delivered = 0;
  let running = false;
  const opened = await Promise.all(
    Array.from({ length: pairs }, (_, number) =>
      openPair(options, number, () => {
        delivered += 1;
        return running;
      }),
    ),
  );
  return {
    async run(forMs) {
      const before = delivered;
      running = true;
      for (const { begin } of opened) begin();
      await new Promise<void>((resolve) => systemClock.after(forMs, resolve));
      const count = delivered - before;
      running = false;
      // What is on its way still arrives, and belongs to no round.
      while (opened.some(({ onTheWay }) => onTheWay() > 0)) {
        await new Promise<void>((resolve) => systemClock.after(1, resolve));
      }
      return count;
    },
    close() {
      for (const { close } of opened) close();
    },
  };
}

interface Pair {
  begin(): void;
  onTheWay(): number;
  close(): void;
}

/** @param onDelivered whether another message is to follow */
async function openPair(options: LoadOptions, number: number, onDelivered: () => boolean): Promise<Pair> {
  const [device, worker] = [`d${number}`, `w${number}`];
  const { qos, bytes } = options;
  const packets = Array.from({ length: inFlight }, (_, slot) =>
    publishPacket(offloadTopic(device, worker), Buffer.alloc(bytes), qos === 0 ? undefined : slot + 1),
  );
  const publisher = await enter(options, 'device', device);
  const subscriber = await enter(options, 'worker', worker);
  subscriber.write(subscribePacket(offloadFilter(worker), qos));
  await once(subscriber, 'data');
  let sent = 0;
  let arrived = 0;
  const send = (): void => {
    publisher.write(packets[sent % inFlight] ?? Buffer.alloc(0));
    sent += 1;
  };
  const read = createPacketReader((type, messageId) => {
    if (type !== 3) return;
    if (messageId > 0) subscriber.write(puback[messageId] ?? Buffer.alloc(0));
    arrived += 1;
    if (onDelivered()) send();
  });
  subscriber.on('data', (chunk) => {
    for (const socket of [publisher, subscriber]) socket.cork();
    read(chunk);
    for (const socket of [publisher, subscriber]) socket.uncork();
  });
  publisher.resume();
  return {
    begin() {
      for (let i = 0; i < inFlight; i += 1) send();
    },
    onTheWay: () => sent - arrived,
    close() {
      for (const socket of [publisher, subscriber]) socket.destroy();
    },
  };
}

/** @returns a connection whose CONNACK has come */
export async function enter(
  { url, passwordOf }: Pick<LoadOptions, 'url' | 'passwordOf'>,
  role: 'device' | 'worker',
  id: string,
): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  socket.write(connectPacket(id, passwordOf(role, id)));
  const [connack] = await once(socket, 'data');
  if (!Buffer.isBuffer(connack) || connack[3] !== 0) throw new Error(`${url} refused ${id}`);
  return socket;
}
