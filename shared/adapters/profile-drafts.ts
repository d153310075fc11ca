import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { writeAtomically } from '../model/write-atomically.ts';
import type { Profile } from '../protocol/profile.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import { createParser } from '../runtime/schema.ts';

/** What an unfinished profile is of: only with the same is it continued. */
export type DraftIdentity = Pick<
  Profile,
  'modelDigest' | 'tier' | 'hardwareClass' | 'runtime' | 'threads' | 'runs' | 'gapMs'
>;

const Times = Type.Array(Type.Number({ minimum: 0 }), { maxItems: 10_000 });
const ContentSchema = Type.Object({
  /** Of the time for the whole profile, ms. */
  spentMs: Type.Number({ minimum: 0 }),
  /** By segment, ms. */
  measured: Type.Record(Type.String(), Type.Object({ timesMs: Times, loadMs: Times })),
});
const FileSchema = Type.Object({
  schema: Type.Literal(1),
  identity: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
  savedAt: Type.String(),
  content: ContentSchema,
});

/** What has been measured so far. */
export type DraftContent = Static<typeof ContentSchema>;

/**
 * Unfinished profiles, so that a process that is started again goes on where it stopped. They only save time: what
 * cannot be read or written is logged and done without.
 */
export interface ProfileDrafts {
  /** @returns undefined where there is none of this identity, or it is older than half an hour; it is dropped then */
  read(identity: DraftIdentity): Promise<DraftContent | undefined>;
  write(identity: DraftIdentity, content: DraftContent): Promise<void>;
  /** The profile is published, or wanted no longer. */
  drop(modelDigest: string): Promise<void>;
}

export interface ProfileDraftsOptions {
  /** Each model's draft is a file in it. */
  folder: string;
  clock: Clock;
  log: Pick<Log, 'warn'>;
}

/**
 * A machine may have been changed since: cooled otherwise, or be busy with something else. Less than the least time
 * between two measurements of a class: who measures anew because times have drifted must not go on from what it began
 * before they did.
 */
const longestAgeMs = 30 * 60 * 1000;
const fileParser = createParser(FileSchema, 'profile-unusable', 'unfinished profile');

export function createProfileDrafts({ folder, clock, log }: ProfileDraftsOptions): ProfileDrafts {
  const pathOf = (modelDigest: string) => join(folder, `${modelDigest.replace('sha256:', '').slice(0, 16)}.json`);
  const drop = (modelDigest: string) => rm(pathOf(modelDigest), { force: true });

  async function readFresh(identity: DraftIdentity): Promise<DraftContent | undefined> {
    const text = await readFile(pathOf(identity.modelDigest)).catch(() => undefined);
    if (text === undefined) return undefined;
    const draft = fileParser.parseJson(text);
    const ageMs = clock.wallTime().getTime() - Date.parse(draft.savedAt);
    const isSame = Object.entries(identity).every(([name, value]) => draft.identity[name] === value);
    return isSame && ageMs >= 0 && ageMs <= longestAgeMs ? draft.content : undefined;
  }

  return {
    async read(identity) {
      const { modelDigest } = identity;
      try {
        const content = await readFresh(identity);
        if (content === undefined) await drop(modelDigest);
        return content;
      } catch (error) {
        log.warn({ modelDigest, reason: messageOf(error) }, 'an unfinished profile is not continued');
        return undefined;
      }
    },
    async write(identity, content) {
      const file = { schema: 1, identity, savedAt: clock.wallTime().toISOString(), content };
      // A tenth of a microsecond is as fine as it gets.
      const text = JSON.stringify(file, (_, value) => (typeof value === 'number' ? Number(value.toFixed(4)) : value));
      await writeAtomically(pathOf(identity.modelDigest), text).catch((error: unknown) =>
        log.warn({ reason: messageOf(error) }, 'an unfinished profile is not kept'),
      );
    },
    drop,
  };
}
