import { messageOf } from '../shared/runtime/errors.ts';
import { type Access, mayRetain } from './access.ts';
import type { BrokerConfig } from './config.ts';
import type { Hello, Peer } from './peer.ts';
import type { RefusalReason } from './refusals.ts';
import type { Sessions } from './sessions.ts';

/** CONNACK return codes [MQTT-3.2.2-4]. */
export type ConnackCode = 4 | 5;

/** Why a CONNECT is refused. */
export interface ConnectRefusal {
  reason: RefusalReason;
  returnCode: ConnackCode;
  detail?: string;
}

export interface ConnectRulesOptions {
  config: BrokerConfig;
  access: Access;
  sessions: Sessions;
}

/**
 * Decides on a CONNECT: the token first, then the client id, then what it asks for. A session of the same client id
 * and the same identity is ended first; its will is out before this answers.
 * @returns why it is refused, or undefined: `peer.identity` is set and the session is entered
 */
export async function admit(
  peer: Peer,
  hello: Hello,
  credentials: { username: string | undefined; password: string | undefined },
  { config, access, sessions }: ConnectRulesOptions,
): Promise<ConnectRefusal | undefined> {
  const { username, password } = credentials;
  if (username === undefined || password === undefined) return { reason: 'credentials', returnCode: 5 };
  let identity: Awaited<ReturnType<Access['identify']>>;
  try {
    identity = await access.identify(password);
  } catch (error) {
    return { reason: 'credentials', returnCode: 4, detail: messageOf(error) };
  }
  if (identity.id !== username) return { reason: 'credentials', returnCode: 4 };
  if (hello.clientId !== identity.id && hello.clientId !== `${identity.id}/data`) {
    return { reason: 'client-id', returnCode: 5 };
  }
  const reason = faultOf(hello, config) ?? willFault(hello, config, (topic) => access.mayPublish(identity, topic));
  if (reason !== undefined) return { reason, returnCode: 5 };
  peer.identity = identity;
  return (await sessions.enter(peer, hello.clientId, identity))
    ? undefined
    : { reason: 'client-id-taken', returnCode: 5 };
}

function faultOf(hello: Hello, { maxKeepaliveSeconds }: BrokerConfig): RefusalReason | undefined {
  if (hello.protocolVersion !== 4) return 'protocol-version';
  // What a device missed is in the control plane's store; the broker keeps nothing for it.
  if (!hello.clean) return 'persistent-session';
  if (hello.keepaliveSeconds < 1 || hello.keepaliveSeconds > maxKeepaliveSeconds) return 'keepalive-invalid';
  return undefined;
}

function willFault(
  { will }: Hello,
  { maxRetainedBytes }: BrokerConfig,
  mayPublish: (topic: string) => boolean,
): RefusalReason | undefined {
  if (will === undefined || will === null) return undefined;
  if (!mayPublish(will.topic) || (will.retain === true && !mayRetain(will.topic))) return 'will-denied';
  return will.payload.length > maxRetainedBytes ? 'retained-too-large' : undefined;
}
