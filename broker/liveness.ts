import type { RefusalReason } from './refusals.ts';

/** What the broker knows of a peer's being alive. Times are ms of the clock that never jumps. */
export interface Liveness {
  /** Bytes came: a sign of life where they come above the least rate. */
  received(bytes: number, nowMs: number): void;
  /** A whole packet was handed on: always a sign of life. */
  packet(nowMs: number): void;
  /** From now on the peer's own keepalive holds; 0: none [MQTT-3.1.2-10]. */
  open(keepaliveSeconds: number, nowMs: number): void;
  /** While the broker itself does not read, silence proves nothing. */
  hold(held: boolean, nowMs: number): void;
  /** @returns how long nothing at all has come from the peer, ms */
  silentMs(nowMs: number): number;
  /** @returns why the peer is to be cut now, if it is */
  verdict(nowMs: number): Extract<RefusalReason, 'connect-timeout' | 'keepalive-missed'> | undefined;
}

export interface LivenessOptions {
  connectTimeoutMs: number;
  minBytesPerSecond: number;
  nowMs: number;
}

/** Keepalive by bytes: a packet that takes minutes over a thin link keeps its connection alive while it moves. */
export function createLiveness({ connectTimeoutMs, minBytesPerSecond, nowMs: openedMs }: LivenessOptions): Liveness {
  let limitMs: number | undefined;
  let signMs = openedMs;
  let bytesSinceSign = 0;
  let heardMs = openedMs;
  let held = false;

  function sign(nowMs: number): void {
    signMs = nowMs;
    bytesSinceSign = 0;
  }

  return {
    received(bytes, nowMs) {
      heardMs = nowMs;
      bytesSinceSign += bytes;
      if (bytesSinceSign * 1000 >= minBytesPerSecond * (nowMs - signMs)) sign(nowMs);
    },
    packet: sign,
    open(keepaliveSeconds, nowMs) {
      limitMs = keepaliveSeconds === 0 ? Number.POSITIVE_INFINITY : keepaliveSeconds * 1500; // [MQTT-3.1.2-24]
      sign(nowMs);
    },
    hold(next, nowMs) {
      if (held && !next) sign(nowMs);
      held = next;
    },
    silentMs: (nowMs) => nowMs - heardMs,
    verdict(nowMs) {
      if (limitMs === undefined) return nowMs - openedMs > connectTimeoutMs ? 'connect-timeout' : undefined;
      return !held && nowMs - signMs > limitMs ? 'keepalive-missed' : undefined;
    },
  };
}
