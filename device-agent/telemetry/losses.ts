import { readFile } from 'node:fs/promises';
import { Type } from 'typebox';
import { writeAtomically } from '../../shared/model/write-atomically.ts';
import { includesRange, type SequenceRange, SequenceSchema } from '../../shared/protocol/sequence-ranges.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { createParser } from '../../shared/runtime/schema.ts';

/** Of this boot nothing up to this number is on the device any more. */
export interface Loss {
  boot: number;
  through: number;
}

/**
 * What was dropped for want of room, kept until the control plane knows of it: a boot of which nothing is left could
 * not tell it otherwise. INVARIANT: at most 256 boots; of more the oldest is forgotten, and the log says so.
 */
export interface Losses {
  next(): Loss | undefined;
  /** @returns the number up to which nothing is left, 0: nothing was dropped */
  of(boot: number): number;
  add(loss: Loss): Promise<void>;
  /** Forgets a loss that the control plane has counted. @param held what it has of the boot */
  told(boot: number, held: readonly SequenceRange[]): Promise<void>;
}

const maxLosses = 256;

const lossesParser = createParser(
  Type.Array(Type.Object({ boot: Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 }), through: SequenceSchema })),
  'file-invalid',
  'dropped telemetry',
);

export async function openLosses(path: string, log: Pick<Log, 'warn' | 'error'>): Promise<Losses> {
  const losses = new Map((await read(path, log)).map(({ boot, through }) => [boot, through]));

  async function write(): Promise<void> {
    const entries = Array.from(losses, ([boot, through]) => ({ boot, through }));
    await writeAtomically(path, JSON.stringify(entries)).catch((error: unknown) =>
      log.warn({ path, reason: messageOf(error) }, 'file cannot be written'),
    );
  }
  return {
    next() {
      for (const [boot, through] of losses) return { boot, through };
      return undefined;
    },
    of: (boot) => losses.get(boot) ?? 0,
    async add({ boot, through }) {
      losses.set(boot, through);
      for (const oldest of losses.keys()) {
        if (losses.size <= maxLosses) break;
        losses.delete(oldest);
        log.error({ boot: oldest }, 'telemetry of this boot was dropped, and nobody will be told');
      }
      await write();
    },
    async told(boot, held) {
      const through = losses.get(boot);
      if (through === undefined || !includesRange(held, { first: 1, last: through })) return;
      losses.delete(boot);
      await write();
    },
  };
}

async function read(path: string, log: Pick<Log, 'warn'>): Promise<Loss[]> {
  try {
    return lossesParser.parseJson(await readFile(path));
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isAbsent) log.warn({ path, reason: messageOf(error) }, 'what was dropped earlier is unreadable');
    return [];
  }
}
