import { createServer, type Socket } from 'node:net';
import type { Link, LinkListener, Listener } from './link.ts';
import { untilListening } from './until-listening.ts';

export interface TcpListenerOptions {
  host: string;
  port: number;
  onLink: (link: Link) => void;
  onError: (error: Error) => void;
}

/** Listens for MQTT over TCP. @returns when the port is bound @throws {FleetError} `listen-failed` */
export async function listenTcp({ host, port, onLink, onError }: TcpListenerOptions): Promise<Listener> {
  // Without TCP_NODELAY, small writes that follow each other wait 40 ms for a delayed ACK.
  const server = createServer({ noDelay: true }, (socket) => onLink(createTcpLink(socket)));
  server.listen(port, host, 4096);
  await untilListening(server, `mqtt://${host}:${port}`);
  server.on('error', onError);
  return {
    address: `mqtt://${formatAddress(server.address())}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** @returns host and port as URLs write them */
export function formatAddress(address: unknown): string {
  if (typeof address !== 'object' || address === null || !('address' in address) || !('port' in address)) return '';
  const host = String(address.address);
  return `${host.includes(':') ? `[${host}]` : host}:${String(address.port)}`;
}

export function createTcpLink(socket: Socket): Link {
  let listener: LinkListener | undefined;
  // Errors end in 'close', which is what counts.
  socket.on('error', () => {});
  socket.on('data', (chunk) => listener?.bytes(chunk));
  socket.on('end', () => listener?.end());
  socket.on('close', () => listener?.end());
  return {
    remote: `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`,
    send(pieces, done) {
      if (!socket.writable) return done();
      socket.cork();
      for (const [i, piece] of pieces.entries()) {
        if (i === pieces.length - 1) socket.write(piece, done);
        else socket.write(piece);
      }
      socket.uncork();
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    finish: () => socket.destroySoon(),
    destroy: () => void socket.destroy(),
    attach(next) {
      listener = next;
    },
  };
}
