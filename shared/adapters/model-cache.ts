import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkPackage, digestOf, type ModelPackage, readPackage, writeManifest } from '../model/model-package.ts';
import { writeAtomically } from '../model/write-atomically.ts';
import { FleetError, isFleetError } from '../runtime/errors.ts';
import type { ControlPlaneClient } from './control-plane-client.ts';

export interface ModelCacheOptions {
  /** Holds one package folder a digest. */
  folder: string;
  source: Pick<ControlPlaneClient, 'fetchManifest' | 'fetchModelFile'>;
}

/**
 * Model packages by digest, fetched once and read from the disk afterwards, so that a device or worker starts while
 * the control plane is away.
 * INVARIANT: a package's manifest is written last; a folder with a manifest is whole.
 */
export interface ModelCache {
  /**
   * @param digest `sha256:` and 64 hexadecimal digits
   * @throws {FleetError} `model-digest-mismatch` and nothing is kept; `http-failed`; what `parseModel` throws
   */
  get(digest: string, signal?: AbortSignal): Promise<ModelPackage>;
}

export function createModelCache({ folder, source }: ModelCacheOptions): ModelCache {
  const pending = new Map<string, Promise<ModelPackage>>();

  async function load(digest: string, signal: AbortSignal | undefined): Promise<ModelPackage> {
    const home = join(folder, digest.replace(':', '-'));
    if (await exists(join(home, 'manifest.json'))) {
      const kept = await readPackage(home).catch(() => undefined);
      // A package that the disk has damaged is fetched anew, as if it had never been there.
      if (kept?.manifest.digest === digest) return kept;
    }
    return fetchPackage(digest, home, signal);
  }

  async function fetchPackage(digest: string, home: string, signal: AbortSignal | undefined): Promise<ModelPackage> {
    const manifest = await source.fetchManifest(digest, signal);
    if (manifest.digest !== digest) throw mismatch('the manifest', digest, manifest.digest);
    const bytes = await source.fetchModelFile(digest, signal);
    const got = digestOf(bytes);
    if (got !== digest) throw mismatch(manifest.file, digest, got);
    const graph = checkPackage(manifest, bytes);
    await mkdir(home, { recursive: true });
    await writeAtomically(join(home, manifest.file), bytes);
    await writeManifest(home, manifest);
    return { folder: home, manifest, bytes, graph };
  }

  async function get(digest: string, signal?: AbortSignal): Promise<ModelPackage> {
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
      throw new FleetError('model-digest-mismatch', `${digest.slice(0, 80)} is no digest`);
    }
    const running = pending.get(digest);
    if (running === undefined) {
      const started = load(digest, signal).finally(() => pending.delete(digest));
      pending.set(digest, started);
      return started;
    }
    try {
      return await running;
    } catch (error) {
      // The other caller may only have given up.
      if (isFleetError(error, 'http-failed') && signal?.aborted !== true) return get(digest, signal);
      throw error;
    }
  }

  return { get };
}

function mismatch(what: string, expected: string, got: string): FleetError {
  return new FleetError('model-digest-mismatch', `${what}: expected ${expected}, got ${got}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
