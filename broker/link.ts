import type { RefusalReason } from './refusals.ts';

/** The bytes' way to one peer: a TCP socket or a WebSocket. */
export interface Link {
  /** Address and port of the peer, for the log. */
  readonly remote: string;
  /** Sends pieces in order; at most one call at a time; `done` when the kernel has taken them all, or never will. */
  send(pieces: readonly Buffer[], done: () => void): void;
  pause(): void;
  resume(): void;
  /** Sends what is under way, then closes. */
  finish(): void;
  destroy(): void;
  /** Called once: chunks as they come, and the end, whatever caused it. */
  attach(listener: LinkListener): void;
}

export interface LinkListener {
  bytes(chunk: Buffer): void;
  /** No more bytes will come. */
  end(): void;
  /** The peer broke a rule of the transport. */
  fault(reason: RefusalReason): void;
}

/** A port that is listened on. */
export interface Listener {
  /** As a URL. */
  readonly address: string;
  close(): Promise<void>;
}
