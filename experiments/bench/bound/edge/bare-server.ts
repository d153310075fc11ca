import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Clock } from '../../../../shared/runtime/clock.ts';
import type { Exchange } from '../exchange.ts';
import type { Segment } from '../sending-plans.ts';

/**
 * The other end of a bare TCP connection: takes so many bytes, runs a segment, gives so many bytes back. Nothing marks
 * where a message ends: both sides were told how long it is.
 *
 *   reply = f64 elapsed, f64 runtime, both in ms, then any bytes
 *   elapsed: from the last byte's arrival to this reply; runtime: what the runtime took of it
 */
export interface BareServer {
  readonly port: number;
  /** What the next messages are; none may be under way. */
  expect(exchange: Pick<Exchange, 'upBytes' | 'worker' | 'downBytes'>): void;
  close(): Promise<void>;
}

export interface BareServerOptions {
  host: string;
  /** @returns what the runtime took, ms */
  run: (segment: Segment | null) => Promise<number>;
  clock: Pick<Clock, 'nowMs'>;
}

export async function startBareServer({ host, run, clock }: BareServerOptions): Promise<BareServer> {
  const sockets = new Set<Socket>();
  let expected: Pick<Exchange, 'upBytes' | 'worker'> = { upBytes: 1, worker: null };
  let reply = Buffer.alloc(0);

  async function answer(socket: Socket): Promise<void> {
    const arrivedAtMs = clock.nowMs();
    const runtimeMs = await run(expected.worker);
    reply.writeDoubleLE(runtimeMs, 8);
    reply.writeDoubleLE(clock.nowMs() - arrivedAtMs, 0);
    socket.write(reply);
  }

  const server = createServer({ noDelay: true }, (socket) => {
    let bytes = 0;
    sockets.add(socket);
    socket.on('data', (data) => {
      bytes += data.length;
      if (bytes < expected.upBytes) return;
      bytes = 0;
      // A caller that waits for an answer in vain says so.
      answer(socket).catch((error: unknown) => socket.destroy(error instanceof Error ? error : undefined));
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  const address = await new Promise<AddressInfo | string | null>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => resolve(server.address()));
  });
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    expect({ upBytes, worker, downBytes }) {
      expected = { upBytes, worker };
      reply = Buffer.alloc(downBytes);
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
