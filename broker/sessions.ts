import type { Duplex } from 'node:stream';
import type { Identity } from '../shared/protocol/topic-rules.ts';

/** What sessions need of a connection. */
export interface SessionPeer {
  readonly hello: { clientId: string } | undefined;
  readonly stream: Pick<Duplex, 'destroyed' | 'destroy'>;
}

/**
 * Which connection holds which client id.
 * INVARIANT: a client id has one session at a time, and its next one starts after the last one's will is out: otherwise
 * "offline" of the old session could overtake "online" of the new one.
 */
export interface Sessions {
  /**
   * Ends a session of the same client id and identity, then enters this one.
   * @returns false where another identity holds the client id, or the peer left while it waited
   */
  enter(peer: SessionPeer, clientId: string, identity: Identity): Promise<boolean>;
  /** Aedes has taken this connection on, so it will say when it is done with it. */
  registered(peer: SessionPeer): void;
  /** Aedes is done with this connection: its will is out. */
  left(peer: SessionPeer): void;
  /** The connection's stream is closed. */
  closed(peer: SessionPeer): void;
}

interface Session {
  peer: SessionPeer;
  identity: Identity;
  registered: boolean;
  gone: Promise<void>;
  leave: () => void;
}

export function createSessions(): Sessions {
  const byClientId = new Map<string, Session>();

  function find(peer: SessionPeer): Session | undefined {
    const session = byClientId.get(peer.hello?.clientId ?? '');
    return session?.peer === peer ? session : undefined;
  }

  function leave(peer: SessionPeer): void {
    const session = find(peer);
    if (session === undefined) return;
    byClientId.delete(peer.hello?.clientId ?? '');
    session.leave();
  }

  return {
    async enter(peer, clientId, identity) {
      for (let other = byClientId.get(clientId); other !== undefined; other = byClientId.get(clientId)) {
        // The same id in another role is another identity.
        if (other.identity.role !== identity.role) return false;
        other.peer.stream.destroy();
        await other.gone;
      }
      if (peer.stream.destroyed) return false;
      const { promise: gone, resolve } = withResolver();
      byClientId.set(clientId, { peer, identity, registered: false, gone, leave: resolve });
      return true;
    },
    registered(peer) {
      const session = find(peer);
      // Aedes registers even a client that is closed already, and then never says that it left.
      if (session !== undefined && peer.stream.destroyed) leave(peer);
      else if (session !== undefined) session.registered = true;
    },
    left: leave,
    closed(peer) {
      if (find(peer)?.registered === false) leave(peer);
    },
  };
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
