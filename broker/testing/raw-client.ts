import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A packet that the broker sent. */
export interface Received {
  type: number;
  /** The lower four bits of the first byte: of a PUBLISH, DUP, QoS and RETAIN. */
  flags: number;
  body: Buffer;
}

/** A socket that speaks MQTT only as far as the test does. */
export interface RawClient {
  readonly socket: Socket;
  send(...packets: readonly Buffer[]): void;
  /** @returns the next packet, or undefined where the broker closed the connection */
  next(): Promise<Received | undefined>;
  /** Resolves when the broker has closed the connection. */
  readonly closed: Promise<void>;
  destroy(): void;
}

/** @param url as the broker gives its address */
export async function connectRaw(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  const received: Received[] = [];
  let waiting: ((packet: Received | undefined) => void)[] = [];
  let buffer = Buffer.alloc(0);
  let ended = false;
  socket.on('data', (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (let one = readPacket(buffer); one !== undefined; one = readPacket(buffer)) {
      buffer = buffer.subarray(one.bytes);
      const waiter = waiting.shift();
      if (waiter === undefined) received.push(one.packet);
      else waiter(one.packet);
    }
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      ended = true;
      for (const waiter of waiting) waiter(undefined);
      waiting = [];
      resolve();
    });
  });
  return {
    socket,
    send: (...packets) => void socket.write(Buffer.concat(packets)),
    next() {
      const first = received.shift();
      if (first !== undefined || ended) return Promise.resolve(first);
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    closed,
    destroy: () => void socket.destroy(),
  };
}

function readPacket(bytes: Buffer): { packet: Received; bytes: number } | undefined {
  let remaining = 0;
  for (let i = 1; i < Math.min(bytes.length, 5); i += 1) {
    const byte = bytes[i] ?? 0;
    remaining += (byte & 0x7f) * 128 ** (i - 1);
    if (byte < 0x80) {
      const end = i + 1 + remaining;
      if (bytes.length < end) return undefined;
      const first = bytes[0] ?? 0;
      return { packet: { type: first >> 4, flags: first & 15, body: bytes.subarray(i + 1, end) }, bytes: end };
    }
  }
  return undefined;
}

export interface ReceivedMessage {
  topic: string;
  payload: Buffer;
  qos: number;
  dup: boolean;
  retain: boolean;
  /** 0 at QoS 0. */
  messageId: number;
}

/** @returns what a received PUBLISH says */
export function readPublish({ flags, body }: Received): ReceivedMessage {
  const length = body.readUInt16BE(0);
  const qos = (flags >> 1) & 3;
  const start = 2 + length + (qos > 0 ? 2 : 0);
  return {
    topic: body.toString('utf8', 2, 2 + length),
    payload: body.subarray(start),
    qos,
    dup: (flags & 8) !== 0,
    retain: (flags & 1) !== 0,
    messageId: qos > 0 ? body.readUInt16BE(2 + length) : 0,
  };
}
