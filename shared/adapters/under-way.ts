/**
 * Which of the bytes published on a connection are on their way to the broker. A question is answered once all that was
 * written before it has been read there: TCP keeps the order, and a broker answers each PINGREQ [MQTT-3.12.4-1].
 * Acknowledging every message (QoS 1) would tell the same, but also make the broker acknowledge at the other end.
 */
export interface UnderWay {
  /** Bytes published that the broker is not known to have read. */
  bytes(): number;
  /** Bytes published since the beginning: a place in their order. */
  published(): number;
  /** All up to this place was read: an answer to it has come from beyond the broker. */
  wasRead(place: number): void;
  /** Asks for a sign that all published so far was read, unless one is awaited. */
  ask(): void;
  /** Calls back whenever more is known to have been read, and when the connection is lost: nothing is under way then. */
  onRead(listener: () => void): void;
}

/**
 * The side that sees all that is written and read.
 * INVARIANT: questions are answered in the order in which they were asked, those of the keepalive among them.
 */
export interface UnderWayTracker extends UnderWay {
  publishes(bytes: number): void;
  /** A question was written. */
  asked(): void;
  answered(): void;
  lost(): void;
}

/** @param writeQuestion writes a PINGREQ; where it cannot, the connection is lost and `lost` is told */
export function createUnderWay(writeQuestion: () => void): UnderWayTracker {
  const listeners: (() => void)[] = [];
  /** Of each question that is not answered yet, what had been published before it. */
  let questions: number[] = [];
  let published = 0;
  let read = 0;

  function moveTo(place: number): void {
    if (place <= read) return;
    read = place;
    for (const listener of listeners) listener();
  }

  return {
    bytes: () => published - read,
    published: () => published,
    wasRead: (place) => moveTo(Math.min(place, published)),
    ask() {
      if (published === read || questions.at(-1) === published) return;
      questions.push(published);
      writeQuestion();
    },
    onRead: (listener) => void listeners.push(listener),
    publishes(bytes) {
      published += bytes;
    },
    asked: () => void questions.push(published),
    answered() {
      const place = questions.shift();
      if (place !== undefined) moveTo(place);
    },
    lost() {
      questions = [];
      moveTo(published);
    },
  };
}
