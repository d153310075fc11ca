import type { Aedes } from 'aedes';
import type { Clock } from '../shared/runtime/clock.ts';
import { messageOf } from '../shared/runtime/errors.ts';
import type { BrokerConfig } from './config.ts';
import type { Link } from './link.ts';
import { PacketStream } from './packet-stream.ts';
import type { Peer, Peers } from './peer.ts';
import type { Refusals } from './refusals.ts';
import type { Sessions } from './sessions.ts';

/** The open connections of all listeners. */
export interface Connections {
  /** Hands a new peer to Aedes, or closes it where there are too many. */
  accept(link: Link): void;
  startInspecting(): void;
  stopInspecting(): void;
  size(): number;
  /** Bytes that wait for all peers. */
  unsentBytes(): number;
  destroyAll(): void;
}

export interface ConnectionsOptions {
  aedes: Aedes;
  peers: Peers;
  sessions: Sessions;
  config: BrokerConfig;
  clock: Clock;
  refusals: Refusals;
}

/** Keepalives, stalls and half-open connections are judged this often, ms. */
const inspectEveryMs = 200;

export function createConnections(options: ConnectionsOptions): Connections {
  const { aedes, peers, sessions, config, clock, refusals } = options;
  const streams = new Set<PacketStream>();
  let cancelInspection: (() => void) | undefined;

  function inspect(): void {
    const nowMs = clock.nowMs();
    for (const stream of streams) stream.inspect(nowMs);
    cancelInspection = clock.after(inspectEveryMs, inspect);
  }

  return {
    accept(link) {
      if (streams.size >= config.maxConnections) {
        refusals.count('connection-limit');
        link.destroy();
        return;
      }
      const stream = new PacketStream({
        link,
        config,
        clock,
        onCut: (reason, cause) => {
          refusals.count(reason, { remote: link.remote, ...(cause === undefined ? {} : { cause: messageOf(cause) }) });
        },
      });
      streams.add(stream);
      const client = aedes.handle(stream);
      const filters: Peer['filters'] = new Map();
      const peer: Peer = { client, stream, hello: undefined, identity: undefined, filters, queue: undefined };
      peers.set(client, peer);
      stream.on('close', () => {
        streams.delete(stream);
        sessions.closed(peer);
      });
    },
    startInspecting: inspect,
    stopInspecting: () => cancelInspection?.(),
    size: () => streams.size,
    unsentBytes: () => [...streams].reduce((sum, { unsentBytes }) => sum + unsentBytes, 0),
    destroyAll() {
      for (const stream of streams) stream.destroy();
    },
  };
}
