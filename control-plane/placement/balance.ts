import {
  type Board,
  hasRoomFor,
  isRested,
  leastOf,
  loadOfOne,
  onlineAt,
  type PlaceableDevice,
  plannableSeats,
  quotaOf,
  restsUntilMs,
  type Seat,
} from './board.ts';
import { preference } from './rendezvous.ts';
import { msSince } from './worker-condition.ts';

/** A device that got a worker so short a time ago, and had none before, has hardly begun there: it may move at once. */
const newcomerMs = 10_000;

/**
 * Shares out those that have just got a worker where another one has come meanwhile: the workers of a platform that
 * starts come one after the other, and the first must not keep the whole fleet.
 */
export function spreadNewcomers(board: Board): void {
  const isNew = ({ id, placedBecause, placedMs }: PlaceableDevice): boolean =>
    placedBecause === 'had-none' && msSince(placedMs, board.nowMs) < newcomerMs && !board.changes.has(id);
  const shares = fairShares(board, ({ devices }) => devices.size);
  const hasJustCome = ({ seat }: FairShare): boolean =>
    msSince(seat.worker.condition.availableSinceMs, board.nowMs) < newcomerMs;
  for (const target of shares.filter((each) => isShort(each) && hasJustCome(each))) {
    fill(board, target, { shares, mayGo: isNew, mayGive: () => true, quota: Number.POSITIVE_INFINITY });
  }
}

/**
 * Gives a worker that came, or came back, its share of the devices, slowly.
 * INVARIANTS: devices go only from who has more than its share to who is short of it by more than the tolerance, nobody
 * becomes short by giving, and none goes to who is busier, so that it comes to an end; a worker that was overloaded of
 * late is left as it is, and a device that left one for its overload does not go back for its share, so that two workers
 * never exchange devices.
 */
export function balance(board: Board): void {
  const shares = fairShares(board, (seat) => onlineAt(seat).length);
  const givers = shares.filter(isOver);
  for (const target of shares.filter(isShort)) {
    if (givers.length === 0) return;
    const dueMs = takesFromMs(board, target.seat);
    if (dueMs <= board.nowMs) fillSlowly(board, target, shares);
    board.lookAgain(dueMs);
  }
}

/** What a worker has and should have of the devices. */
interface FairShare {
  seat: Seat;
  count: number;
  /** By capacity; not a whole number. */
  share: number;
  /** Below this it is short of devices. */
  least: number;
}

function fairShares({ seats, settings }: Board, countOf: (seat: Seat) => number): FairShare[] {
  const counted = plannableSeats(seats).map((seat) => ({ seat, count: countOf(seat) }));
  const devices = counted.reduce((sum, { count }) => sum + count, 0);
  const capacity = counted.reduce((sum, { seat }) => sum + seat.worker.capacity, 0);
  return counted.map(({ seat, count }) => {
    const share = (devices * seat.worker.capacity) / capacity;
    return { seat, count, share, least: leastOf(share, settings) };
  });
}

const isShort = ({ count, least }: FairShare): boolean => count < least;
const isOver = ({ count, share, least }: FairShare): boolean => count > share && count - 1 >= least;

/** When a worker may take devices of others, ms since 1970. */
function takesFromMs(board: Board, seat: Seat): number {
  const { availableSinceMs, overloadEndedMs } = seat.worker.condition;
  const { nowMs, settings } = board;
  const after = (sinceMs: number | null, ms: number): number =>
    msSince(sinceMs, nowMs) < ms ? (sinceMs ?? 0) + ms : nowMs;
  return Math.max(
    after(availableSinceMs, settings.placementSettleMs),
    after(overloadEndedMs, settings.overloadMemoryMs),
    restsUntilMs(board, seat),
  );
}

/** Utilisations that differ by less count as equal. */
const utilisationNoise = 0.05;

/** Fewer devices that ask for more are as good a share. */
function isBusier(target: Seat, load: number, giver: Seat): boolean {
  return (target.used + load) / target.worker.capacity > giver.used / giver.worker.capacity + utilisationNoise;
}

function hasFled({ placedBecause, placedFrom }: PlaceableDevice, { worker }: Seat): boolean {
  return placedBecause === 'worker-overloaded' && placedFrom === worker.id;
}

function fillSlowly(board: Board, target: FairShare, shares: readonly FairShare[]): void {
  const rested = new Set(shares.filter(({ seat }) => restsUntilMs(board, seat) <= board.nowMs));
  const quotas = new Map(shares.map((giver) => [giver, quotaOf(board, giver.count)]));
  fill(board, target, {
    shares,
    mayGo: (device) => device.online && isRested(board, device) && !hasFled(device, target.seat),
    mayGive(giver) {
      const quota = quotas.get(giver) ?? 0;
      const isKnown = giver.seat.worker.utilisation !== undefined;
      if (quota === 0 || !isKnown || !rested.has(giver)) return false;
      const load = loadOfOne(giver.seat);
      if (!hasRoomFor(board, target.seat, load) || isBusier(target.seat, load, giver.seat)) return false;
      quotas.set(giver, quota - 1);
      return true;
    },
    quota: quotaOf(board, target.least),
  });
}

/** Moves devices to one worker until it is short no longer: first those that prefer it most to where they are. */
function fill(
  board: Board,
  target: FairShare,
  rules: {
    shares: readonly FairShare[];
    mayGo: (device: PlaceableDevice) => boolean;
    /** Asked for each device that would go: it then goes. */
    mayGive: (giver: FairShare) => boolean;
    quota: number;
  },
): void {
  const { shares, mayGo, mayGive } = rules;
  const candidates = shares
    .filter(isOver)
    .flatMap((giver) => [...giver.seat.devices].filter(mayGo).map((device) => candidate(device, giver, target)))
    .sort((one, other) => other.attraction - one.attraction || (one.device.id < other.device.id ? -1 : 1));
  let quota = rules.quota;
  for (const { device, giver } of candidates) {
    if (quota === 0 || !isShort(target)) return;
    if (!isOver(giver) || !mayGive(giver)) continue;
    board.move(device, { from: giver.seat, to: target.seat, because: 'fair-share' });
    giver.count -= 1;
    target.count += 1;
    quota -= 1;
  }
}

/** @returns with how much more the device prefers the worker that it may go to */
function candidate(device: PlaceableDevice, giver: FairShare, target: FairShare) {
  const to = ({ seat: { worker } }: FairShare): number =>
    preference(device.id, { id: worker.id, weight: worker.capacity });
  return { device, giver, attraction: to(target) / to(giver) };
}
