import { unlinkSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { decodeImage } from '../../shared/adapters/images.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { createFrameBuffer } from './frame-buffer.ts';
import type { FrameSource } from './frame-source.ts';

/**
 * A Unix socket that an application on this device calls.
 *
 *   application → agent   message = u32 little-endian length, then a PNG or JPEG of that many bytes
 *   agent → application   one JSON object a line: the frame's result, or {"error": …}
 */
const maxImageBytes = 16 << 20;
const waitingFrames = 8;

export function createSocketSource(path: string, { clock, log }: { clock: Clock; log: Log }): FrameSource {
  const buffer = createFrameBuffer(waitingFrames);
  const sockets = new Set<Socket>();
  let count = 0;

  async function receive(socket: Socket, image: Buffer): Promise<void> {
    const arrivedAtMs = clock.nowMs();
    count += 1;
    try {
      const frame = await decodeImage(image, `socket#${count}`);
      buffer.push({ frame, arrivedAtMs, respond: (result) => writeLine(socket, result) });
    } catch (error) {
      writeLine(socket, { error: messageOf(error) });
    }
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    let held = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      held = Buffer.concat([held, data]);
      while (held.length >= 4) {
        const length = held.readUInt32LE(0);
        if (length > maxImageBytes) {
          writeLine(socket, { error: `an image may have ${maxImageBytes} bytes` });
          socket.destroy();
          return;
        }
        if (held.length < 4 + length) return;
        void receive(socket, held.subarray(4, 4 + length));
        held = held.subarray(4 + length);
      }
    });
    socket.on('error', (error) => log.debug({ reason: error.message }, 'application socket failed'));
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('error', (error) => {
    log.error({ path, reason: error.message }, 'cannot listen for applications');
    buffer.end();
  });
  try {
    unlinkSync(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  server.listen(path);

  return {
    next: () => buffer.next(),
    async close() {
      buffer.end();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function writeLine(socket: Socket, value: unknown): void {
  if (socket.writable) socket.write(`${JSON.stringify(value)}\n`);
}
