import { FleetError } from '../runtime/errors.ts';

/** What a packet is written to: a socket, or a WebSocket's stream. */
export interface PacketSink {
  cork(): void;
  write(piece: Uint8Array): unknown;
  uncork(): void;
}

/** [MQTT-2.2.3] */
const largestRemainingLength = 268_435_455;
/** Type 3, no DUP, QoS 0, no RETAIN [MQTT-3.3.1] */
const firstByte = 0x30;

/** A whole PINGREQ (MQTT 3.1.1, 3.12) */
export const pingRequest = Buffer.from([0xc0, 0]);

/**
 * Writes a PUBLISH of QoS 0 (MQTT 3.1.1, 3.3) at once and in one go. A tensor passes through here on every frame:
 * mqtt.js would want it in one piece, and hold it until the next turn of its queues.
 * @param pieces the payload, which is not copied
 * @returns bytes of the whole packet
 * @throws {FleetError} `topic-invalid`, `message-invalid` where it is longer than MQTT can say
 */
export function writePublish(sink: PacketSink, topic: string, pieces: readonly Uint8Array[]): number {
  const payloadBytes = pieces.reduce((sum, { length }) => sum + length, 0);
  const header = publishHeader(topic, payloadBytes);
  sink.cork();
  sink.write(header);
  for (const piece of pieces) if (piece.length > 0) sink.write(piece);
  sink.uncork();
  return header.length + payloadBytes;
}

/** @returns fixed and variable header */
function publishHeader(topic: string, payloadBytes: number): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  if (topicBytes === 0 || topicBytes > 0xffff) throw new FleetError('topic-invalid', `topic of ${topicBytes} bytes`);
  const remaining = 2 + topicBytes + payloadBytes;
  if (remaining > largestRemainingLength)
    throw new FleetError('message-invalid', `${payloadBytes} bytes for one packet`);
  const lengthBytes = remaining < 2 ** 7 ? 1 : remaining < 2 ** 14 ? 2 : remaining < 2 ** 21 ? 3 : 4;
  const header = Buffer.allocUnsafe(1 + lengthBytes + 2 + topicBytes);
  header[0] = firstByte;
  // Seven bits a byte, least first; the top bit says that another one follows [MQTT-2.2.3].
  for (let i = 0; i < lengthBytes; i += 1) {
    header[1 + i] = ((remaining >>> (7 * i)) & 0x7f) | (i < lengthBytes - 1 ? 0x80 : 0);
  }
  header.writeUInt16BE(topicBytes, 1 + lengthBytes);
  header.write(topic, 3 + lengthBytes);
  return header;
}
