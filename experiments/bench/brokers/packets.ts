/** The few MQTT 3.1.1 packets that a load generator sends, made once and sent many times. */
export function connectPacket(id: string, password: string): Buffer {
  const flags = 0xc2; // user name, password, clean session
  const keepaliveSeconds = 300;
  const head = Buffer.from([4, flags, keepaliveSeconds >> 8, keepaliveSeconds & 0xff]);
  return packet(0x10, [text('MQTT'), head, text(id), text(id), text(password)]);
}

export function subscribePacket(filter: string, qos: 0 | 1): Buffer {
  return packet(0x82, [twoBytes(1), text(filter), Buffer.from([qos])]);
}

/** @param messageId at QoS 1 alone */
export function publishPacket(topic: string, payload: Buffer, messageId?: number): Buffer {
  const id = messageId === undefined ? [] : [twoBytes(messageId)];
  return packet(messageId === undefined ? 0x30 : 0x32, [text(topic), ...id, payload]);
}

export function pubackPacket(messageId: number): Buffer {
  return packet(0x40, [twoBytes(messageId)]);
}

function packet(first: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = [first];
  let rest = body.length;
  do {
    header.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([twoBytes(bytes.length), bytes]);
}

function twoBytes(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
