import { connect, createServer, type Socket } from 'node:net';

/**
 * A TCP relay to a broker that can fall silent, where nothing passes, nothing is closed and nothing is lost, and that can
 * cut all connections, where what is on its way is lost.
 */
export interface Relay {
  readonly url: string;
  silence(): void;
  restore(): void;
  cut(): void;
  close(): Promise<void>;
}

export async function startRelay(brokerUrl: string): Promise<Relay> {
  const { hostname, port } = new URL(brokerUrl);
  const sockets = new Set<Socket>();
  let silent = false;
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(port), noDelay: true });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => to.write(data));
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      if (silent) from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const ownPort = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `mqtt://127.0.0.1:${ownPort}`,
    silence() {
      silent = true;
      for (const socket of sockets) socket.pause();
    },
    restore() {
      silent = false;
      for (const socket of sockets) socket.resume();
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
