/** Told of each packet at its header; of a message of QoS 1 with its packet identifier, else 0. */
export type OnPacket = (type: number, messageId: number) => void;

const publishType = 3;
const longestHeaderBytes = 5;

/**
 * Goes through what a broker sends without gathering it: payloads are skipped, so that the generator costs little.
 * @returns takes the next chunk
 */
export function createPacketReader(onPacket: OnPacket): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let skip = 0;
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    rest = Buffer.alloc(0);
    for (;;) {
      const skipped = Math.min(skip, bytes.length);
      bytes = bytes.subarray(skipped);
      skip -= skipped;
      if (bytes.length === 0) return;
      const head = readHead(bytes);
      if (head === undefined) {
        rest = Buffer.from(bytes);
        return;
      }
      onPacket((bytes[0] ?? 0) >> 4, head.messageId);
      skip = head.totalBytes;
    }
  };
}

/** @returns undefined where more bytes are needed */
function readHead(bytes: Buffer): { totalBytes: number; messageId: number } | undefined {
  const first = bytes[0] ?? 0;
  let remaining = 0;
  for (let i = 1; i < longestHeaderBytes; i += 1) {
    const byte = bytes[i];
    if (byte === undefined) return undefined;
    remaining += (byte & 0x7f) * 128 ** (i - 1);
    if (byte >= 0x80) continue;
    const body = i + 1;
    const totalBytes = body + remaining;
    if (first >> 4 !== publishType || (first & 6) === 0) return { totalBytes, messageId: 0 };
    if (bytes.length < body + 2) return undefined;
    const idAt = body + 2 + bytes.readUInt16BE(body);
    return bytes.length < idAt + 2 ? undefined : { totalBytes, messageId: bytes.readUInt16BE(idAt) };
  }
  throw new Error('the broker sent a length of more than four bytes');
}
