import type { Identity } from '../shared/protocol/topic-rules.ts';
import { messageOf } from '../shared/runtime/errors.ts';
import type { Access } from './access.ts';
import type { BrokerConfig } from './config.ts';
import type { Hello, Peer } from './peer.ts';
import type { RefusalReason } from './refusals.ts';
import type { SessionStore } from './session-store.ts';
import type { Sessions } from './sessions.ts';

/** CONNACK return codes [MQTT-3.2.2-4]. */
export type ConnackCode = 2 | 3 | 4 | 5;

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
  store: SessionStore;
}

export interface Credentials {
  username: string | undefined;
  password: string | undefined;
}

/**
 * Decides on a CONNECT: the token first, then the client id, then what it asks for. A session of the same client id
 * and the same identity is ended first; its will is out before this answers.
 * @returns why it is refused, or undefined: `peer.identity` is set and the session is entered
 */
export async function admit(
  peer: Peer,
  hello: Hello,
  credentials: Credentials,
  { config, access, sessions, store }: ConnectRulesOptions,
): Promise<ConnectRefusal | undefined> {
  const who = config.allowAnonymous ? anyone(hello) : await identify(hello, credentials, access);
  if ('reason' in who) return who;
  const fault = config.allowAnonymous ? undefined : faultOf(hello, config);
  const reason = fault ?? willFault(hello, config, { access, who });
  if (reason !== undefined) return { reason, returnCode: 5 };
  peer.identity = who;
  if (!(await sessions.enter(peer, hello.clientId, who))) return { reason: 'client-id-taken', returnCode: 5 };
  if (hello.clean) return undefined;
  peer.queue = store.open(hello.clientId)?.queue;
  return peer.queue === undefined ? { reason: 'session-limit', returnCode: 3 } : undefined;
}

async function identify(
  { clientId }: Hello,
  { username, password }: Credentials,
  access: Access,
): Promise<Identity | ConnectRefusal> {
  if (username === undefined || password === undefined) return { reason: 'credentials', returnCode: 5 };
  let identity: Identity;
  try {
    identity = await access.identify(password);
  } catch (error) {
    return { reason: 'credentials', returnCode: 4, detail: messageOf(error) };
  }
  if (identity.id !== username) return { reason: 'credentials', returnCode: 4 };
  if (clientId !== identity.id && clientId !== `${identity.id}/data`) return { reason: 'client-id', returnCode: 5 };
  return identity;
}

/** Who comes without credentials is known by the client id alone, so that a later one of the same id takes over. */
function anyone({ clientId }: Hello): Identity | ConnectRefusal {
  // [MQTT-3.1.3-8]; one without an id that asks for a clean session was given one.
  return clientId === '' ? { reason: 'client-id', returnCode: 2 } : { role: 'device', id: clientId };
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
  { access, who }: { access: Access; who: Identity },
): RefusalReason | undefined {
  if (will === undefined || will === null) return undefined;
  if (!access.mayPublish(who, will.topic) || (will.retain === true && !access.mayRetain(will.topic))) {
    return 'will-denied';
  }
  return will.payload.length > maxRetainedBytes ? 'retained-too-large' : undefined;
}
