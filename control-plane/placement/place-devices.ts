import { balance, spreadNewcomers } from './balance.ts';
import {
  type Board,
  createBoard,
  leastOf,
  type PlacementChange,
  type PlacementInput,
  plannableSeats,
} from './board.ts';
import { relieve } from './relief.ts';
import { favourite } from './rendezvous.ts';
import { freeCapacity } from './worker-standings.ts';

export interface PlacementResult {
  /** By device, where it goes from where it is. */
  changes: ReadonlyMap<string, PlacementChange>;
  /** Workers that devices were moved from or to that could have stayed. */
  disturbed: ReadonlySet<string>;
  /** When time alone may change something, ms since 1970; undefined: never. */
  nextMs: number | undefined;
}

/**
 * Decides which worker each device offloads to.
 * INVARIANTS: a function of what is stored, whatever the order of the lists: who starts anew decides the same; a device
 * whose worker serves stays there, but for relief of one that is overloaded and for the share of one that is short of
 * it, and these move only so many in an interval; a device without a worker gets one at once.
 */
export function placeDevices(input: PlacementInput): PlacementResult {
  const board = createBoard(input);
  house(board);
  spreadNewcomers(board);
  relieve(board);
  balance(board);
  return { changes: board.changes, disturbed: board.disturbed, nextMs: board.nextMs() };
}

/**
 * Finds a worker for each device that has none: the one that it prefers, weighted by what each has to spare, of those
 * that are not full. Full is a worker with its share of the devices and the tolerance, and the last ones go to who would
 * be short of its share: plain hashing would at times give all four devices of a small fleet to one of two workers.
 * @see Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018
 */
function house(board: Board): void {
  const rooms = roomsOf(board);
  let left = board.homeless.length;
  for (const homeless of board.homeless) {
    const wanting = rooms.reduce((sum, { seat, least }) => sum + Math.max(0, least - seat.devices.size), 0);
    // The sum of all upper bounds is at least the number of devices: there is always a room that is open.
    const open = rooms.filter(({ seat, least, most }) => seat.devices.size < (left > wanting ? most : least));
    board.settle(homeless, favourite(homeless.device.id, open)?.seat);
    left -= 1;
  }
}

function roomsOf({ seats, homeless, settings }: Board) {
  const candidates = plannableSeats(seats);
  const total = homeless.length + candidates.reduce((sum, { devices }) => sum + devices.size, 0);
  const spare = candidates.reduce((sum, { worker }) => sum + freeCapacity(worker), 0);
  return candidates.map((seat) => {
    const weight = freeCapacity(seat.worker);
    const share = (total * weight) / spare;
    const most = Math.max(Math.ceil(share), Math.floor(share * (1 + settings.placementTolerance)));
    return { id: seat.worker.id, weight, seat, least: leastOf(share, settings), most };
  });
}
