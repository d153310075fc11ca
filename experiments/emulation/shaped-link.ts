import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type BandwidthTrace, transmissionEndMs } from '../../shared/planner/bandwidth-trace.ts';
import type { Clock } from '../../shared/runtime/clock.ts';

/**
 * An emulated link: a TCP relay that forwards pieces on an absolute schedule, the same rate each way.
 * INVARIANT: all connections of a link share its rate, each direction by itself; a piece leaves when its
 * last bit would have left, plus half of the rtt; what was sent before a connection ended still arrives.
 */
export interface ShapedLink {
  /** Starts to listen. @returns the port */
  listen(): Promise<number>;
  /** Turns to another trace now, at its beginning; what was taken before leaves as the old one had it. */
  follow(trace: BandwidthTrace): void;
  /** Payload bytes carried since the start, both ways. */
  carriedBytes(): number;
  close(): Promise<void>;
}

export interface ShapedLinkOptions {
  trace: BandwidthTrace;
  /** Where in the trace the link begins, ms. */
  traceOffsetMs: number;
  rttMs: number;
  target: { host: string; port: number };
  clock: Clock;
}

/** What a TCP segment carries on Ethernet. */
const pieceBytes = 1448;
/** A sender is held back when this much of its data waits, besides what is on its way. */
const maxWaitingBytes = 65_536;
/** Timers fire up to a millisecond late: the rest is spent in turns of the event loop. */
const spinMs = 0.8;

export function createShapedLink(options: ShapedLinkOptions): ShapedLink {
  const sockets = new Set<Socket>();
  const up = createWire(options);
  const down = createWire(options);
  let { trace } = options;
  const maxQueuedBytes = (): number => maxWaitingBytes + bytesUnderWay(trace, options.rttMs);
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const upstream = connect({ ...options.target, noDelay: true, allowHalfOpen: true });
    for (const [from, to, wire] of [
      [client, upstream, up],
      [upstream, client, down],
    ] as const) {
      sockets.add(from);
      pump({ from, to, wire, maxQueuedBytes });
      // Without this listener a reset would end the process; 'close' follows.
      from.on('error', () => undefined);
      from.on('close', (hadError) => {
        sockets.delete(from);
        if (hadError || !from.readableEnded) to.destroy();
      });
    }
  });
  return {
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => resolve(portOf(server.address())));
      }),
    follow(next) {
      trace = next;
      up.follow(next);
      down.follow(next);
    },
    carriedBytes: () => up.carried() + down.carried(),
    close() {
      up.close();
      down.close();
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** @returns what the link carries in half of its rtt, at its fastest */
function bytesUnderWay(trace: BandwidthTrace, rttMs: number): number {
  const peakMbps = trace.steps.reduce((peak, { mbps }) => Math.max(peak, mbps), 0);
  return (peakMbps * 1000 * (rttMs / 2)) / 8;
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface Wire {
  /** Schedules a piece behind all earlier ones of this direction. */
  send(bytes: number, deliver: () => void): void;
  follow(trace: BandwidthTrace): void;
  carried(): number;
  close(): void;
}

function createWire({ traceOffsetMs, rttMs, clock, ...options }: ShapedLinkOptions): Wire {
  let { trace } = options;
  let originMs = clock.nowMs() - traceOffsetMs;
  const queue: { dueMs: number; bytes: number; deliver: () => void }[] = [];
  let busyUntilMs = 0;
  let carried = 0;
  let cancel: (() => void) | undefined;

  function pass(): void {
    cancel = undefined;
    const nowMs = clock.nowMs();
    while (queue[0] !== undefined && queue[0].dueMs <= nowMs) {
      const piece = queue.shift();
      carried += piece?.bytes ?? 0;
      piece?.deliver();
    }
    wait();
  }

  function wait(): void {
    const next = queue[0];
    if (cancel !== undefined || next === undefined) return;
    const delayMs = next.dueMs - clock.nowMs() - spinMs;
    if (delayMs > 0.2) {
      cancel = clock.after(delayMs, pass);
    } else {
      const turn = setImmediate(pass);
      cancel = () => clearImmediate(turn);
    }
  }

  return {
    send(bytes, deliver) {
      const nowMs = clock.nowMs() - originMs;
      busyUntilMs = transmissionEndMs(trace, Math.max(nowMs, busyUntilMs), bytes);
      queue.push({ dueMs: originMs + busyUntilMs + rttMs / 2, bytes, deliver });
      wait();
    },
    follow(next) {
      const nowMs = clock.nowMs();
      busyUntilMs += originMs - nowMs;
      originMs = nowMs;
      trace = next;
    },
    carried: () => carried,
    close() {
      queue.length = 0;
      cancel?.();
      cancel = undefined;
    },
  };
}

interface Pump {
  from: Socket;
  to: Socket;
  wire: Wire;
  maxQueuedBytes: () => number;
}

/** Forwards one direction of one connection; a receiver that does not read holds its sender back. */
function pump({ from, to, wire, maxQueuedBytes }: Pump): void {
  let queuedBytes = 0;
  from.on('data', (data: Buffer) => {
    for (let start = 0; start < data.length; start += pieceBytes) {
      const piece = data.subarray(start, start + pieceBytes);
      queuedBytes += piece.length;
      wire.send(piece.length, () => {
        to.write(piece, () => {
          queuedBytes -= piece.length;
          if (queuedBytes < maxQueuedBytes()) from.resume();
        });
      });
    }
    if (queuedBytes >= maxQueuedBytes()) from.pause();
  });
  from.on('end', () => wire.send(0, () => to.end()));
}
