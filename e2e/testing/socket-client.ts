import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** An application that has its images classified over a device's Unix socket. */
export interface SocketClient {
  /** Sends one image: its length, then its bytes. */
  send(image: Uint8Array): void;
  /** Announces an image of this length, and sends none. */
  announce(bytes: number): void;
  /** Resolves with so many lines, parsed. */
  lines(count: number, timeoutMs: number): Promise<Record<string, unknown>[]>;
  /** Resolves when the device has closed the connection. */
  readonly closed: Promise<unknown>;
  close(): Promise<void>;
}

export async function connectSocketClient(path: string): Promise<SocketClient> {
  const socket = connect(path);
  await once(socket, 'connect');
  const lines: Record<string, unknown>[] = [];
  let look = (): void => undefined;
  createInterface({ input: socket }).on('line', (line) => {
    lines.push(JSON.parse(line));
    look();
  });
  socket.on('error', () => undefined); // `closed` tells.
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const announce = (bytes: number): void => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes);
    socket.write(length);
  };
  return {
    send(image) {
      announce(image.byteLength);
      socket.write(image);
    },
    announce,
    lines: (count, timeoutMs) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${lines.length} lines of ${count}`)), timeoutMs);
        look = () => {
          if (lines.length < count) return;
          clearTimeout(timer);
          resolve(lines);
        };
        look();
      }),
    closed,
    async close() {
      socket.destroy();
      await closed;
    },
  };
}
