import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../../../shared/runtime/clock.ts';
import { FleetError } from '../../../../shared/runtime/errors.ts';
import type { Exchange } from '../exchange.ts';

/** One bare TCP connection to the server of `../edge/bare-server.ts`. */
export interface BareClient {
  /**
   * Sends the payload and waits for the reply.
   * @returns ms: `wire` without what passed on the server, `worker` what its runtime took
   * @throws {FleetError} `experiment-failed` where the connection breaks
   */
  exchange(bytes: Pick<Exchange, 'upBytes' | 'downBytes'>): Promise<{ wireMs: number; workerMs: number }>;
  close(): void;
}

export interface BareClientOptions {
  host: string;
  port: number;
  clock: Pick<Clock, 'nowMs'>;
}

export async function connectBareClient({ host, port, clock }: BareClientOptions): Promise<BareClient> {
  const socket = connect({ host, port, noDelay: true });
  await once(socket, 'connect');
  // Whoever waits for a reply is told.
  socket.on('error', () => undefined);
  return {
    async exchange({ upBytes, downBytes }) {
      const payload = Buffer.alloc(upBytes, 1);
      const startMs = clock.nowMs();
      const reply = take(socket, downBytes);
      socket.write(payload);
      const begin = await reply;
      const elapsedMs = clock.nowMs() - startMs;
      const serverMs = begin.readDoubleLE(0);
      return { wireMs: Math.max(0, elapsedMs - serverMs), workerMs: begin.readDoubleLE(8) };
    },
    close: () => socket.destroy(),
  };
}

/** @returns the first piece of so many bytes, when all of them have come */
function take(socket: Socket, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let count = 0;
    const onData = (data: Buffer): void => {
      first ??= data;
      count += data.length;
      if (count < bytes) return;
      settle();
      resolve(first);
    };
    const onClose = (): void => {
      settle();
      reject(new FleetError('experiment-failed', `the bare connection broke after ${count} of ${bytes} bytes`));
    };
    const settle = (): void => {
      socket.off('data', onData);
      socket.off('close', onClose);
    };
    socket.on('data', onData);
    socket.on('close', onClose);
  });
}
