import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { deviceTopic, replyTopic } from '../../shared/protocol/topics.ts';
import {
  acknowledge,
  connectPacket,
  disconnect,
  pingreq,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from './packets.ts';

/** Packets of every kind that a client sends, as a client would send them. */
const originals = [
  connectPacket({ clientId: 'd1', username: 'd1', password: 'x', will: { topic: 'a/b', payload: 'c' } }),
  publishPacket(deviceTopic('d1', 'telemetry'), 'payload'),
  publishPacket(deviceTopic('d1', 'reported'), 'payload', { qos: 1, retain: true }),
  publishPacket(deviceTopic('d1', 'telemetry'), 'payload', { qos: 2 }),
  subscribePacket([deviceTopic('d1', 'desired'), replyTopic('d1', 'w1')], 1),
  unsubscribePacket([deviceTopic('d1', 'desired')]),
  acknowledge('puback', 1),
  acknowledge('pubrec', 1),
  acknowledge('pubrel', 1),
  acknowledge('pubcomp', 1),
  pingreq,
  disconnect,
];

/** Up to four bytes changed, one packet in five cut short or its tail missing. */
const mutated = fc
  .tuple(
    fc.constantFrom(...originals),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    fc.option(fc.nat({ max: 40 }), { freq: 4 }),
  )
  .map(([original, changes, length]) => {
    const bytes = Buffer.from(original);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    return length === null ? bytes : bytes.subarray(0, Math.max(1, length));
  });

const packetsABurst = 10;
const lanes = 20;

export interface MutatedAttack {
  /** Packets in all. */
  count: number;
  seed: number;
  url: string;
  /** The bytes of a right CONNECT, sent before nine of ten bursts. @param lane one of twenty that go at once */
  hello: (lane: number) => Buffer;
}

/** Sends bursts of mutated packets, each over a connection of its own. @returns when the broker has ended them all */
export async function attackWithMutations({ count, seed, url, hello }: MutatedAttack): Promise<void> {
  const { hostname, port } = new URL(url);
  const bursts = fc.array(mutated, { minLength: packetsABurst, maxLength: packetsABurst });
  const lane = async (number: number): Promise<void> => {
    const mine = Math.ceil(count / packetsABurst / lanes);
    // A seed a thousand bursts: they are not all in memory at once.
    for (let from = 0; from < mine; from += 1000) {
      const some = fc.sample(bursts, { numRuns: Math.min(1000, mine - from), seed: seed + number + lanes * from });
      for (const [i, burst] of some.entries()) {
        const socket = connect({ host: hostname, port: Number(port), noDelay: true });
        socket.write(Buffer.concat([...(i % 10 === 0 ? [] : [hello(number)]), ...burst]));
        await untilClosed(socket);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
}

function untilClosed(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  socket.end();
  socket.resume();
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
