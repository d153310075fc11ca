import {
  type Board,
  hasRoomFor,
  isRested,
  loadOfOne,
  onlineAt,
  plannableSeats,
  quotaOf,
  restsUntilMs,
  type Seat,
} from './board.ts';
import { favourite, preference } from './rendezvous.ts';
import { freeCapacity } from './worker-standings.ts';

/**
 * Moves devices from workers whose overload has lasted to those that have room.
 * INVARIANTS: a few an interval, and none to where it would only be overloaded again; where all are busy nobody moves,
 * for devices have plans of their own that need no worker.
 */
export function relieve(board: Board): void {
  for (const source of board.seats) {
    const { overloadSinceMs } = source.worker.condition;
    if (overloadSinceMs === null) continue;
    const dueMs = Math.max(overloadSinceMs + board.settings.overloadPersistMs, restsUntilMs(board, source));
    if (dueMs <= board.nowMs && source.worker.utilisation !== undefined) relieveOne(board, source);
    board.lookAgain(dueMs);
  }
}

function relieveOne(board: Board, source: Seat): void {
  const online = onlineAt(source);
  const targets = plannableSeats(board.seats).filter(
    (seat) => seat !== source && restsUntilMs(board, seat) <= board.nowMs,
  );
  // Those that care least for this worker go first.
  const leaving = online
    .filter((device) => isRested(board, device))
    .map((device) => ({ device, attachment: preference(device.id, { id: source.worker.id, weight: 1 }) }))
    .sort((one, other) => one.attachment - other.attachment)
    .slice(0, quotaOf(board, online.length));
  for (const { device } of leaving) {
    const open = targets
      .filter((seat) => hasRoomFor(board, seat, loadOfOne(source)))
      .map((seat) => ({ id: seat.worker.id, weight: freeCapacity(seat.worker), seat }));
    const to = favourite(device.id, open)?.seat;
    if (to !== undefined) board.move(device, { from: source, to, because: 'worker-overloaded' });
  }
}
