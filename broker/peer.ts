import type { Client, ConnectPacket, PublishPacket } from 'aedes';
import type { Identity } from '../shared/protocol/topic-rules.ts';
import type { PacketStream } from './packet-stream.ts';
import type { SessionQueue } from './session-queue.ts';

/** What the broker knows of one connection, beside what Aedes knows. */
export interface Peer {
  readonly client: Client;
  readonly stream: PacketStream;
  /** What its CONNECT asked for. */
  hello: Hello | undefined;
  /** Set once its token was verified. */
  identity: Identity | undefined;
  /** Filters that were granted, with their QoS. */
  readonly filters: Map<string, 0 | 1 | 2>;
  /** What waits for it in its kept session; undefined where it has none. */
  queue: SessionQueue | undefined;
}

export interface Hello {
  clientId: string;
  protocolVersion: number;
  clean: boolean;
  keepaliveSeconds: number;
  will: ConnectPacket['will'] | PublishPacket | undefined;
}

/** Of each connection by its Aedes client; forgotten with it. */
export type Peers = Pick<WeakMap<Client, Peer>, 'get' | 'set'>;
