import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { constantTrace } from '../../../shared/planner/bandwidth-trace.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createShapedLink, type ShapedLink, type ShapedLinkOptions } from '../shaped-link.ts';

/** Real sockets on loopback that a test opened, to be closed together. */
export interface Sockets {
  /** Listens on a free port. @returns the port */
  serve(onConnection: (socket: Socket) => void): Promise<number>;
  dial(port: number): Promise<Socket>;
  closeAll(): void;
}

export function createSockets(): Sockets {
  const open: (() => void)[] = [];

  function keep(socket: Socket): Socket {
    // A reset is what some tests are about.
    socket.on('error', () => undefined);
    open.push(() => socket.destroy());
    return socket;
  }

  return {
    async serve(onConnection) {
      const server = createServer({ noDelay: true }, (socket) => onConnection(keep(socket)));
      open.push(() => server.close());
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      if (typeof address !== 'object' || address === null) throw new Error('a TCP server has a port');
      return address.port;
    },
    async dial(port) {
      const socket = keep(connect({ port, host: '127.0.0.1', noDelay: true }));
      await once(socket, 'connect');
      return socket;
    },
    closeAll() {
      for (const close of open.splice(0)) close();
    },
  };
}

/** Both ends of a connection through a link. */
export interface Ends {
  shaped: ShapedLink;
  client: Socket;
  server: Socket;
  /** Dials through the link once more. */
  dialAgain(): Promise<{ client: Socket; server: Socket }>;
}

export interface LinkBench {
  /** A server, a link to it (4 Mbit/s without rtt, unless told) and a connection through it. */
  throughLink(options?: Partial<ShapedLinkOptions>): Promise<Ends>;
  closeAll(): Promise<void>;
}

export function createLinkBench(): LinkBench {
  const sockets = createSockets();
  const links: ShapedLink[] = [];

  async function throughLink(options: Partial<ShapedLinkOptions> = {}): Promise<Ends> {
    const waiting: ((socket: Socket) => void)[] = [];
    const port = await sockets.serve((socket) => waiting.shift()?.(socket));
    const shaped = createShapedLink({
      trace: constantTrace(4),
      traceOffsetMs: 0,
      rttMs: 0,
      target: { host: '127.0.0.1', port },
      clock: systemClock,
      ...options,
    });
    links.push(shaped);
    const linkPort = await shaped.listen();
    const dialAgain = async (): Promise<{ client: Socket; server: Socket }> => {
      const accepted = new Promise<Socket>((resolve) => waiting.push(resolve));
      const client = await sockets.dial(linkPort);
      return { client, server: await accepted };
    };
    return { shaped, dialAgain, ...(await dialAgain()) };
  }

  return {
    throughLink,
    async closeAll() {
      sockets.closeAll();
      for (const link of links.splice(0)) await link.close();
    },
  };
}

/** Waits until a socket is closed, by a reset too. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** @returns when so many bytes have come in all, on the clock of `performance.now` */
export function received(socket: Socket, bytes: number): Promise<number> {
  return new Promise((resolve) => {
    let count = 0;
    const onData = (data: Buffer): void => {
      count += data.length;
      if (count < bytes) return;
      socket.off('data', onData);
      resolve(performance.now());
    };
    socket.on('data', onData);
  });
}

/** @returns the first value that satisfies the condition, asked again every few milliseconds */
export async function eventually<T>(read: () => T, isDone: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = read();
    if (isDone(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
