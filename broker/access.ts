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
    mayPublish: remembered(mayPublish),
    maySubscribe: remembered(maySubscribe),
    mayRetain,
  };
}

type Rule = (identity: Identity, topic: string) => boolean;

/** Of one connection; a device uses a handful of topics. */
const maxRemembered = 256;
const longestRemembered = 256;

/** A rule whose answers are remembered as long as the connection's identity: it is asked twice for every message. */
function remembered(rule: Rule): Rule {
  const known = new WeakMap<Identity, Map<string, boolean>>();
  return (identity, topic) => {
    const answers = known.get(identity);
    const answer = answers?.get(topic);
    if (answer !== undefined) return answer;
    const ruled = rule(identity, topic);
    if (topic.length > longestRemembered) return ruled;
    if (answers === undefined || answers.size >= maxRemembered) known.set(identity, new Map([[topic, ruled]]));
    else answers.set(topic, ruled);
    return ruled;
  };
}

/** State is retained, never events or tensors. */
export function mayRetain(topic: string): boolean {
  const channel = parseTopic(topic)?.channel;
  return channel === 'presence' || channel === 'desired' || channel === 'reported';
}
