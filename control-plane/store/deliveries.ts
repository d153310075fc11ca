import {
  maxSequenceRanges,
  type SequenceRange,
  SequenceRangesSchema,
  withRange,
} from '../../shared/protocol/sequence-ranges.ts';
import { createParser } from '../../shared/runtime/schema.ts';
import type { SqliteDatabase } from './database.ts';

/** Boots of a device that are remembered. */
const bootsPerDevice = 64;

/**
 * Which reports of each boot of a device are stored, or known to be lost.
 * INVARIANT: it outlives the reports themselves, so that one that comes again long after it was deleted is known. Of
 * boots the newest 64 are remembered: a device delivers one boot after the other, and never comes back to one that is
 * delivered.
 */
export interface DeliveryStore {
  held(deviceId: string, boot: number): SequenceRange[];
  /** @returns false, and changes nothing, where the reports of this boot would lie too scattered to be remembered */
  add(deviceId: string, boot: number, range: SequenceRange): boolean;
}

const rangesParser = createParser(SequenceRangesSchema, 'store-damaged', 'delivered reports');

export function createDeliveryStore(db: SqliteDatabase): DeliveryStore {
  const select = db.prepare<[string, number], { held: string }>(
    'SELECT held FROM deliveries WHERE device_id = ? AND boot = ?',
  );
  const upsert = db.prepare<[string, number, string, string]>(
    `INSERT INTO deliveries (device_id, boot, held, touched)
     VALUES (?, ?, ?, (SELECT COALESCE(MAX(touched), 0) + 1 FROM deliveries WHERE device_id = ?))
     ON CONFLICT (device_id, boot) DO UPDATE SET held = excluded.held, touched = excluded.touched`,
  );
  const prune = db.prepare<[string, string, number]>(
    `DELETE FROM deliveries WHERE device_id = ? AND touched <=
       (SELECT touched FROM deliveries WHERE device_id = ? ORDER BY touched DESC LIMIT 1 OFFSET ?)`,
  );
  function held(deviceId: string, boot: number): SequenceRange[] {
    const row = select.get(deviceId, boot);
    return row === undefined ? [] : rangesParser.parseJson(row.held);
  }
  return {
    held,
    add(deviceId, boot, range) {
      const ranges = withRange(held(deviceId, boot), range);
      if (ranges.length > maxSequenceRanges) return false;
      upsert.run(deviceId, boot, JSON.stringify(ranges), deviceId);
      prune.run(deviceId, deviceId, bootsPerDevice);
      return true;
    },
  };
}
