/** MQTT 3.1.1 packets written by hand, so that tests can send what no client library would. */
export interface ConnectFields {
  clientId: string;
  username?: string;
  password?: string;
  keepalive?: number;
  clean?: boolean;
  version?: number;
  will?: { topic: string; payload: string; qos?: number; retain?: boolean };
}

export const pingreq = Buffer.from([0xc0, 0]);
export const disconnect = Buffer.from([0xe0, 0]);

export function connectPacket(fields: ConnectFields): Buffer {
  const { clientId, username, password, keepalive = 60, clean = true, version = 4, will } = fields;
  const flags =
    (username === undefined ? 0 : 0x80) |
    (password === undefined ? 0 : 0x40) |
    (will === undefined ? 0 : 0x04 | ((will.qos ?? 0) << 3) | (will.retain === true ? 0x20 : 0)) |
    (clean ? 0x02 : 0);
  const texts = [clientId, ...(will === undefined ? [] : [will.topic, will.payload]), username, password];
  return packet(
    0x10,
    Buffer.concat([
      text('MQTT'),
      Buffer.from([version, flags, keepalive >> 8, keepalive & 0xff]),
      ...texts.flatMap((item) => (item === undefined ? [] : [text(item)])),
    ]),
  );
}

export interface PublishFields {
  qos?: 0 | 1 | 2;
  retain?: boolean;
  messageId?: number;
  dup?: boolean;
}

export function publishPacket(topic: string, payload: Buffer | string, fields: PublishFields = {}): Buffer {
  const { qos = 0, retain = false, messageId = 1, dup = false } = fields;
  const body = [text(topic), ...(qos > 0 ? [twoBytes(messageId)] : []), Buffer.from(payload)];
  return packet(0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0), Buffer.concat(body));
}

export function subscribePacket(filters: readonly string[], qos: 0 | 1 | 2 = 0, messageId = 1): Buffer {
  const entries = filters.flatMap((filter) => [text(filter), Buffer.from([qos])]);
  return packet(0x82, Buffer.concat([twoBytes(messageId), ...entries]));
}

export function unsubscribePacket(filters: readonly string[], messageId = 2): Buffer {
  return packet(0xa2, Buffer.concat([twoBytes(messageId), ...filters.map(text)]));
}

const acknowledgements = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 };

export function acknowledge(kind: keyof typeof acknowledgements, messageId: number): Buffer {
  return packet(acknowledgements[kind], twoBytes(messageId));
}

/** @returns a fixed header that declares `remaining` bytes, whatever follows */
export function fixedHeader(firstByte: number, remaining: number): Buffer {
  const bytes = [firstByte];
  let rest = remaining;
  do {
    bytes.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}

export function packet(firstByte: number, body: Buffer): Buffer {
  return Buffer.concat([fixedHeader(firstByte, body.length), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([twoBytes(bytes.length), bytes]);
}

function twoBytes(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
