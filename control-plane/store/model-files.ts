import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { writeAtomically } from '../../shared/model/write-atomically.ts';
import { FleetError } from '../../shared/runtime/errors.ts';

/** The ONNX files, each named by its digest. */
export interface ModelFiles {
  /** Stores a file whose digest the caller has checked; an intact one that is there already is kept. */
  put(digest: string, bytes: Uint8Array): Promise<void>;
  /** @throws {FleetError} `not-found`, `store-damaged` */
  open(digest: string): Promise<{ stream: Readable; bytes: number }>;
  /** @returns all of it at once @throws {FleetError} `not-found`, `store-damaged` */
  read(digest: string): Promise<Uint8Array>;
}

export function createModelFiles(folder: string): ModelFiles {
  /** Files that were checked, by what changes when a file does: hashing 200 MB for each device would cost seconds. */
  const intact = new Map<string, string>();
  const pathOf = (digest: string): string => join(folder, `${digest.replace('sha256:', '')}.onnx`);

  async function check(digest: string): Promise<number> {
    const path = pathOf(digest);
    const stats = await statOf(path);
    if (intact.get(digest) === fingerprint(stats)) return stats.size;
    const found = await hashFile(path);
    if (found !== digest) throw new FleetError('store-damaged', `the file of ${digest} has the digest ${found}`);
    intact.set(digest, fingerprint(stats));
    return stats.size;
  }
  return {
    async put(digest, bytes) {
      const there = await check(digest).then(
        () => true,
        () => false,
      );
      if (!there) await writeAtomically(pathOf(digest), bytes);
    },
    async open(digest) {
      const bytes = await check(digest);
      return { stream: createReadStream(pathOf(digest)), bytes };
    },
    async read(digest) {
      await check(digest);
      return readFile(pathOf(digest));
    },
  };
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (cause) {
    throw new FleetError('not-found', 'the file of this model is missing', { cause });
  }
}

function fingerprint({ size, mtimeMs, ino }: Stats): string {
  return `${size} ${mtimeMs} ${ino}`;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}
