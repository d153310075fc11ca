import { statSync, unlinkSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { decodeImage } from '../../shared/adapters/images.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { FleetError, messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { createFrameBuffer } from './frame-buffer.ts';
import type { FrameSource } from './frame-source.ts';

/**
 * A Unix socket that an application on this device calls.
 *
 *   application → agent   message = u32 little-endian length, then a PNG or JPEG of that many bytes
 *   agent → application   one JSON object a line for each image: the frame's result, or {"error": …}
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
      const refuse = (error: string): void => writeLine(socket, { error });
      buffer.push({ frame, arrivedAtMs, respond: (result) => writeLine(socket, result), refuse });
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
    buffer.end(new FleetError('config-invalid', `cannot listen for applications: ${error.message}`, { cause: error }));
  });
  // What an agent that was killed left behind; anything else than a socket is not ours to delete.
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path);
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
