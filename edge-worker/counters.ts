/** What a worker counts since its start. */
export interface Counters {
  completed: number;
  expired: number;
  overloaded: number;
  unavailable: number;
  invalid: number;
  probes: number;
  /** Messages that are no valid tensor frame. */
  malformed: number;
  /** Requests that never became whole. */
  unfinished: number;
  /** Replies that the connection did not take. */
  unsent: number;
}

export function createCounters(): Counters {
  return {
    completed: 0,
    expired: 0,
    overloaded: 0,
    unavailable: 0,
    invalid: 0,
    probes: 0,
    malformed: 0,
    unfinished: 0,
    unsent: 0,
  };
}
