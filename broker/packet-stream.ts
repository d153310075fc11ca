import { Duplex } from 'node:stream';
import type { Clock } from '../shared/runtime/clock.ts';
import type { BrokerConfig } from './config.ts';
import type { Link } from './link.ts';
import { createLiveness, type Liveness } from './liveness.ts';
import { createPacketSplitter, type PacketSplitter } from './packet-splitter.ts';
import { createRateLimit, type RateLimit } from './rate-limit.ts';
import type { RefusalReason } from './refusals.ts';
import { createSendQueue, type SendQueue } from './send-queue.ts';

export interface PacketStreamOptions {
  link: Link;
  config: BrokerConfig;
  clock: Clock;
  /** Told once, where the broker itself ends the connection. */
  onCut: (reason: RefusalReason, cause?: unknown) => void;
}

/** Packets that Aedes gets at once: it takes the next batch when all of these are done. */
const maxBatchPackets = 8;
/** Received bytes that may wait for Aedes before the link is paused. */
const pauseAboveBytes = 128 * 1024;
const throttleMs = 20;
const finishTimeoutMs = 1000;
/** Above this, what is unsent is not waited for when closing, bytes. */
const finishBelowBytes = 64 * 1024;

/**
 * What stands between a peer and Aedes, which by itself reads without end, buffers any declared length, waits for the
 * slowest reader of a topic and takes a long packet for silence.
 *
 * INVARIANTS
 * - Aedes sees whole packets only, one batch at a time; `read` asks for the next when all packets of a batch are done.
 * - Aedes parses inside `#offer` alone, so that a throw of its parser or of a hook ends this connection, not the process.
 * - Aedes never waits for this peer: `write` always has room. What waits is bounded by whoever decides to forward.
 * - The peer is read no further while a batch is under way, it sends faster than it may, or it does not take its answers.
 */
export class PacketStream extends Duplex {
  readonly remote: string;
  readonly #link: Link;
  readonly #config: BrokerConfig;
  readonly #clock: Clock;
  readonly #onCut: PacketStreamOptions['onCut'];
  readonly #splitter: PacketSplitter;
  readonly #queue: SendQueue;
  readonly #liveness: Liveness;
  readonly #rate: RateLimit;
  #phase: 'expecting-connect' | 'connecting' | 'open' = 'expecting-connect';
  #batch: Buffer | undefined;
  #idle = true;
  #offering = false;
  #paused = false;
  #linkEnded = false;
  #isCut = false;
  #cancelTimer: (() => void) | undefined;

  constructor({ link, config, clock, onCut }: PacketStreamOptions) {
    super({ writableHighWaterMark: Number.MAX_SAFE_INTEGER });
    const nowMs = clock.nowMs();
    this.remote = link.remote;
    this.#link = link;
    this.#config = config;
    this.#clock = clock;
    this.#onCut = onCut;
    this.#splitter = createPacketSplitter((firstByte) => this.#lengthLimit(firstByte));
    this.#queue = createSendQueue({ link, clock, onSent: () => this.#resumeAfterSending() });
    this.#liveness = createLiveness({ ...config, nowMs });
    this.#rate = createRateLimit({ perSecond: config.publishesPerSecond, nowMs });
    this.on('error', () => {});
    link.attach({
      bytes: (chunk) => this.#receive(chunk),
      end: () => this.#end(),
      fault: (reason) => this.cut(reason),
    });
  }

  /** Bytes written that the kernel has not taken. */
  get unsentBytes(): number {
    return this.#queue.unsentBytes();
  }

  /** Whether CONNACK is out, and what the peer had missed before. */
  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  /** CONNACK is out: larger packets are let in, and the peer's keepalive counts. */
  open(keepaliveSeconds: number): void {
    this.#phase = 'open';
    this.#liveness.open(keepaliveSeconds, this.#clock.nowMs());
    // Aedes finishes its CONNECT first.
    process.nextTick(() => this.#offer());
  }

  /** Cuts a peer that is late, silent or takes nothing. To be called several times a second. */
  inspect(nowMs: number): void {
    const reason = this.#liveness.verdict(nowMs);
    const limitMs = this.#config.stallTimeoutMs;
    if (reason !== undefined) this.cut(reason);
    // The kernel takes nothing for minutes where it holds megabytes for a thin link: who still speaks is alive.
    else if (this.#queue.stalledMs(nowMs) > limitMs && this.#liveness.silentMs(nowMs) > limitMs) this.cut('stalled');
  }

  /** Ends the connection at once. */
  cut(reason: RefusalReason, cause?: unknown): void {
    if (this.#isCut || this.destroyed) return;
    this.#isCut = true;
    this.#linkEnded = true;
    this.#onCut(reason, cause);
    this.destroy();
  }

  /** Aedes alone calls this, when it has nothing left to do. It gets its batch inside `#offer` only. */
  override read(size?: number): Buffer | null {
    // The stream's own machinery probes with 0.
    if (size === 0) return null;
    if (this.#offering && this.#batch !== undefined) {
      const batch = this.#batch;
      this.#batch = undefined;
      return batch;
    }
    this.#idle = true;
    if (this.#batch !== undefined || this.#linkEnded || this.#splitter.waitingBytes() > 0) {
      process.nextTick(() => this.#offer());
    }
    return null;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#queue.push([chunk]);
    done();
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#queue.push(chunks.map(({ chunk }) => chunk));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#cancelTimer?.();
    if (this.#linkEnded || this.unsentBytes > finishBelowBytes) {
      this.#link.destroy();
    } else {
      this.#link.finish();
      this.#cancelTimer = this.#clock.after(finishTimeoutMs, () => this.#link.destroy());
    }
    done(error);
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    this.#liveness.received(chunk.length, this.#clock.nowMs());
    this.#splitter.push(chunk);
    this.#offer();
    this.#regulate();
  }

  /** The peer is gone; the whole packets that it had sent before are still acted on, a DISCONNECT among them. */
  #end(): void {
    if (this.#linkEnded) return;
    this.#linkEnded = true;
    if (this.destroyed) this.#cancelTimer?.();
    else this.#offer();
  }

  #offer(): void {
    if (!this.#idle || this.destroyed || this.#phase === 'connecting') return;
    if (this.#batch === undefined && !this.#takeBatch()) {
      // What waited may be the first part of a packet, whose rest is needed now.
      this.#regulate();
      return;
    }
    this.#idle = false;
    this.#offering = true;
    try {
      this.emit('readable');
    } catch (error) {
      this.cut('hook-failed', error);
    } finally {
      this.#offering = false;
    }
    this.#regulate();
  }

  #takeBatch(): boolean {
    if (this.unsentBytes > this.#config.maxUnsentBytes && !this.#linkEnded) return false;
    const nowMs = this.#clock.nowMs();
    const allowance = this.#rate.available(nowMs);
    if (allowance < 1) {
      this.#throttle();
      return false;
    }
    const taken = this.#splitter.take(this.#phase === 'open' ? Math.min(maxBatchPackets, allowance) : 1);
    if (taken === undefined) {
      if (this.#linkEnded) this.destroy();
      return false;
    }
    if (taken.kind === 'fault') {
      this.cut(taken.reason);
      return false;
    }
    this.#rate.spend(taken.publishes);
    this.#liveness.packet(nowMs);
    if (this.#phase === 'expecting-connect') this.#phase = 'connecting';
    this.#batch = taken.bytes;
    return true;
  }

  #throttle(): void {
    this.#cancelTimer ??= this.#clock.after(throttleMs, () => {
      this.#cancelTimer = undefined;
      this.#offer();
      this.#regulate();
    });
  }

  #resumeAfterSending(): void {
    if (this.destroyed || this.#splitter.waitingBytes() === 0) return;
    this.#offer();
    this.#regulate();
  }

  #regulate(): void {
    const pause = !this.destroyed && this.#splitter.waitingBytes() > pauseAboveBytes;
    if (pause === this.#paused) return;
    this.#paused = pause;
    this.#liveness.hold(pause, this.#clock.nowMs());
    if (pause) this.#link.pause();
    else this.#link.resume();
  }

  /** @returns the largest remaining length of a packet with this first byte, undefined where it may not come now */
  #lengthLimit(firstByte: number): number | undefined {
    const type = firstByte >> 4;
    if (this.#phase !== 'open') return type === 1 ? this.#config.maxControlBytes : undefined;
    switch (type) {
      case 3: // PUBLISH
        return this.#config.maxPacketBytes;
      case 4: // PUBACK
      case 5: // PUBREC
      case 6: // PUBREL
      case 7: // PUBCOMP
        return 2;
      case 8: // SUBSCRIBE
      case 10: // UNSUBSCRIBE
        return this.#config.maxControlBytes;
      case 12: // PINGREQ
      case 14: // DISCONNECT
        return 0;
      default:
        return undefined;
    }
  }
}
