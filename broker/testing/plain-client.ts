import { onTestFinished } from 'vitest';
import {
  acknowledge,
  type ConnectFields,
  connectPacket,
  disconnect,
  pingreq,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from './packets.ts';
import { connectRaw, type RawClient, type ReceivedMessage, readPublish } from './raw-client.ts';

/** Types of packets that a broker sends. */
export const packetTypes = {
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  suback: 9,
  unsuback: 11,
  pingresp: 13,
};

/** A client of a plain broker that does each step when the test says so, and none by itself. */
export interface PlainClient extends RawClient {
  readonly returnCode: number;
  readonly sessionPresent: boolean;
  /** @returns the return codes of the SUBACK */
  subscribe(filters: readonly string[], qos?: 0 | 1 | 2): Promise<number[]>;
  unsubscribe(filters: readonly string[]): Promise<void>;
  /** Publishes, and takes the steps that the QoS asks for. */
  publish(topic: string, payload: string | Buffer, fields?: PublishHow): Promise<void>;
  /** @returns the next messages that come, in order, not acknowledged */
  messages(count: number): Promise<ReceivedMessage[]>;
  /** @returns all that came before the answer to a PINGREQ, of any kind but that */
  untilPong(): Promise<ReceivedMessage[]>;
  /** Takes the steps that a message's QoS asks for. */
  acknowledge(message: ReceivedMessage): Promise<void>;
  /** Says DISCONNECT and waits for the end. */
  leave(): Promise<void>;
}

export interface PublishHow {
  qos?: 0 | 1 | 2;
  retain?: boolean;
}

/** @param url as the broker gives its address */
export async function connectPlain(url: string, fields: ConnectFields): Promise<PlainClient> {
  const raw = await connectRaw(url);
  onTestFinished(() => raw.destroy());
  raw.send(connectPacket(fields));
  const connack = await raw.next();
  let lastId = 0;
  const nextId = (): number => {
    lastId = (lastId % 65_535) + 1;
    return lastId;
  };
  return {
    ...raw,
    returnCode: connack?.type === packetTypes.connack ? (connack.body[1] ?? -1) : -1,
    sessionPresent: connack?.body[0] === 1,
    async subscribe(filters, qos = 0) {
      raw.send(subscribePacket(filters, qos, nextId()));
      return [...(await expectType(raw, packetTypes.suback)).subarray(2)];
    },
    async unsubscribe(filters) {
      raw.send(unsubscribePacket(filters, nextId()));
      await expectType(raw, packetTypes.unsuback);
    },
    publish: (topic, payload, how) => publishSteps(raw, { topic, payload, ...how, messageId: nextId() }),
    messages: (count) => takeMessages(raw, count),
    untilPong: () => takeUntilPong(raw),
    async acknowledge({ qos, messageId }) {
      if (qos === 0) return;
      raw.send(acknowledge(qos === 1 ? 'puback' : 'pubrec', messageId));
      if (qos < 2) return;
      await expectType(raw, packetTypes.pubrel);
      raw.send(acknowledge('pubcomp', messageId));
    },
    async leave() {
      raw.send(disconnect);
      await raw.closed;
    },
  };
}

async function expectType(raw: RawClient, type: number): Promise<Buffer> {
  const received = await raw.next();
  if (received?.type !== type) throw new Error(`expected packet type ${type}, got ${received?.type ?? 'the end'}`);
  return received.body;
}

async function publishSteps(
  raw: RawClient,
  message: PublishHow & { topic: string; payload: string | Buffer; messageId: number },
): Promise<void> {
  const { topic, payload, qos = 0, retain = false, messageId } = message;
  raw.send(publishPacket(topic, payload, { qos, retain, messageId }));
  if (qos === 0) raw.send(pingreq);
  await expectType(raw, [packetTypes.pingresp, packetTypes.puback, packetTypes.pubrec][qos] ?? 0);
  if (qos < 2) return;
  raw.send(acknowledge('pubrel', messageId));
  await expectType(raw, packetTypes.pubcomp);
}

async function takeMessages(raw: RawClient, count: number): Promise<ReceivedMessage[]> {
  const found: ReceivedMessage[] = [];
  while (found.length < count) {
    const received = await raw.next();
    if (received?.type !== packetTypes.publish) {
      throw new Error(`expected a message, got packet type ${received?.type ?? 'the end'}`);
    }
    found.push(readPublish(received));
  }
  return found;
}

async function takeUntilPong(raw: RawClient): Promise<ReceivedMessage[]> {
  raw.send(pingreq);
  const found: ReceivedMessage[] = [];
  for (let one = await raw.next(); one !== undefined; one = await raw.next()) {
    if (one.type === packetTypes.pingresp) return found;
    if (one.type === packetTypes.publish) found.push(readPublish(one));
  }
  throw new Error('the connection ended before PINGRESP');
}
