import { createPublicKey, type KeyObject } from 'node:crypto';
import { verifyToken } from '../shared/protocol/access-token.ts';
import { type Identity, mayPublish, maySubscribe } from '../shared/protocol/topic-rules.ts';
import { parseTopic } from '../shared/protocol/topics.ts';
import type { Clock } from '../shared/runtime/clock.ts';

/** Who may come in, and what they may do then. */
export interface Access {
  /** @param token the MQTT password @throws {FleetError} `token-invalid` */
  identify(token: string): Identity | Promise<Identity>;
  mayPublish(identity: Identity, topic: string): boolean;
  /** Of a filter at SUBSCRIBE, and of a topic whenever a message is about to be forwarded. */
  maySubscribe(identity: Identity, filter: string): boolean;
  /** @returns whether a topic may hold a retained message */
  mayRetain(topic: string): boolean;
}

/** Access by signed tokens and the platform's table of topic rules. */
export function createTokenAccess({ publicKey, clock }: { publicKey: string | KeyObject; clock: Clock }): Access {
  const key = typeof publicKey === 'string' ? createPublicKey(publicKey) : publicKey;
  return {
    identify: (token) => verifyToken(key, token, clock.wallTime().getTime() / 1000),
    mayPublish,
    maySubscribe,
    mayRetain,
  };
}

/** State is retained, never events or tensors. */
export function mayRetain(topic: string): boolean {
  const channel = parseTopic(topic)?.channel;
  return channel === 'presence' || channel === 'desired' || channel === 'reported';
}
