import { includesRange, type SequenceRange } from '../../shared/protocol/sequence-ranges.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Batch, BatchSource } from './batch.ts';

/**
 * One batch on its way at a time, until the control plane has it.
 * INVARIANT: what is not acknowledged is asked for, with growing and random gaps, and sent again only when the answer
 * says that it is not there: a control plane that is away is not buried in what it would have to read twice.
 */
export interface Lane {
  /** Sends the next batch, if none is on its way. @returns bytes sent; 0: there is nothing, or it waits */
  sendNext(limitBytes: number): number;
  /** @param held what the control plane has of the boot */
  acknowledged(boot: number, held: readonly SequenceRange[]): void;
  /** There is a connection again: what was on its way may be lost. */
  reconnected(): void;
  close(): void;
}

export interface LaneOptions {
  source: BatchSource;
  /** @returns bytes that were handed to the connection; 0: it takes none now */
  send: (batch: Batch) => number;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
}

/** How long an acknowledgement is waited for at first, ms; twice as long after each question without an answer. */
const patienceMs = 3000;
const maxPatienceMs = 60_000;

export function createLane({ source, send, clock, random }: LaneOptions): Lane {
  let onItsWay: { batch: Batch; isAsked: boolean } | undefined;
  let failures = 0;
  let cancel = (): void => undefined;

  function waitForAnswer(): void {
    cancel();
    const patience = Math.min(maxPatienceMs, patienceMs * 2 ** failures);
    cancel = clock.after(patience * (1 + random() / 2), () => {
      failures += 1;
      ask();
    });
  }

  function ask(): void {
    if (onItsWay === undefined) return;
    onItsWay.isAsked = true;
    send({ boot: onItsWay.batch.boot, covers: undefined, reports: [] });
    waitForAnswer();
  }

  return {
    sendNext(limitBytes) {
      if (onItsWay !== undefined) return 0;
      const batch = source.peek(limitBytes);
      if (batch === undefined) return 0;
      const bytes = send(batch);
      if (bytes === 0) return 0;
      onItsWay = { batch, isAsked: batch.covers === undefined };
      waitForAnswer();
      return bytes;
    },
    acknowledged(boot, held) {
      if (onItsWay?.batch.boot !== boot) return;
      const { batch, isAsked } = onItsWay;
      const isHeld = batch.covers === undefined || includesRange(held, batch.covers);
      if (!isHeld && !isAsked) return;
      cancel();
      onItsWay = undefined;
      if (!isHeld) return;
      failures = 0;
      source.accepted(batch);
    },
    reconnected() {
      failures = 0;
      ask();
    },
    close: () => cancel(),
  };
}
