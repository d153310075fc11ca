import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, manifestParser } from '../model/manifest.ts';
import { checkPackage, digestOf, type ModelPackage, manifestFile, readPackage } from '../model/model-package.ts';
import { writeAtomically } from '../model/write-atomically.ts';
import { FleetError, isFleetError } from '../runtime/errors.ts';
import type { ControlPlaneClient } from './control-plane-client.ts';

export interface ModelCacheOptions {
  /** Holds one package folder a digest. */
  folder: string;
  source: Pick<ControlPlaneClient, 'fetchManifest' | 'fetchModelFile'>;
}

/** Which package is asked for. */
export interface WantedModel {
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string;
  /** Of the manifest that is in force; absent: any manifest of the model will do. */
  manifestDigest?: string;
}

/**
 * Model packages by digest, fetched once and read from the disk afterwards, so that a device or worker starts while
 * the control plane is away; a manifest that was renewed under the same model is fetched anew by itself.
 * INVARIANT: a package's manifest is written last, as it came; a folder with a manifest is whole.
 */
export interface ModelCache {
  /**
   * @returns the package; with the manifest that is kept where the one in force cannot be fetched now
   * @throws {FleetError} `model-digest-mismatch`, `model-manifest-invalid` and nothing is kept; `http-failed`; what
   * `parseModel` throws
   */
  get(wanted: WantedModel, signal?: AbortSignal): Promise<ModelPackage>;
}

export function createModelCache({ folder, source }: ModelCacheOptions): ModelCache {
  const pending = new Map<string, Promise<ModelPackage>>();

  async function load({ digest, manifestDigest }: WantedModel, signal: AbortSignal | undefined): Promise<ModelPackage> {
    const home = join(folder, digest.replace(':', '-'));
    const kept = await readKept(home, digest);
    if (kept === undefined) return fetchPackage(digest, home, signal);
    if (manifestDigest === undefined || manifestDigest === kept.manifestDigest) return kept;
    try {
      return await renew(kept, signal);
    } catch (error) {
      // Without the control plane frames are run by what is known; the next who asks tries again.
      if (isFleetError(error, 'http-failed') && signal?.aborted !== true) return kept;
      throw error;
    }
  }

  /** The control plane may have a newer manifest by now than the one asked for: its configurations follow. */
  async function renew(kept: ModelPackage, signal: AbortSignal | undefined): Promise<ModelPackage> {
    const text = await source.fetchManifest(kept.manifest.digest, signal);
    return keep(kept.folder, { digest: kept.manifest.digest, text, bytes: kept.bytes });
  }

  async function fetchPackage(digest: string, home: string, signal: AbortSignal | undefined): Promise<ModelPackage> {
    const text = await source.fetchManifest(digest, signal);
    // Before the model is fetched, which is far larger.
    requireManifestOf(digest, text);
    return keep(home, { digest, text, bytes: await source.fetchModelFile(digest, signal) });
  }

  async function get(wanted: WantedModel, signal?: AbortSignal): Promise<ModelPackage> {
    const { digest, manifestDigest = '' } = wanted;
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
      throw new FleetError('model-digest-mismatch', `${digest.slice(0, 80)} is no digest`);
    }
    const key = `${digest} ${manifestDigest}`;
    const running = pending.get(key);
    if (running === undefined) {
      const started = load(wanted, signal).finally(() => pending.delete(key));
      pending.set(key, started);
      return started;
    }
    try {
      return await running;
    } catch (error) {
      // The other caller may only have given up.
      if (isFleetError(error, 'http-failed') && signal?.aborted !== true) return get(wanted, signal);
      throw error;
    }
  }

  return { get };
}

/** @returns undefined where there is no package; one that the disk has damaged counts as if it had never been there */
async function readKept(home: string, digest: string): Promise<ModelPackage | undefined> {
  if (!(await exists(join(home, manifestFile)))) return undefined;
  const kept = await readPackage(home).catch(() => undefined);
  return kept?.manifest.digest === digest ? kept : undefined;
}

/** @throws {FleetError} `model-digest-mismatch`, `model-manifest-invalid` before anything is written */
async function keep(
  home: string,
  { digest, text, bytes }: { digest: string; text: Uint8Array; bytes: Uint8Array },
): Promise<ModelPackage> {
  const manifest = requireManifestOf(digest, text);
  const graph = checkPackage(manifest, bytes);
  await mkdir(home, { recursive: true });
  await writeAtomically(join(home, manifest.file), bytes);
  await writeAtomically(join(home, manifestFile), text);
  return { folder: home, manifest, manifestDigest: digestOf(text), bytes, graph };
}

function requireManifestOf(digest: string, text: Uint8Array): Manifest {
  const manifest = manifestParser.parseJson(text);
  if (manifest.digest !== digest) throw mismatch('the manifest', digest, manifest.digest);
  return manifest;
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
