import { stat } from 'node:fs/promises';
import type { ModelGraph } from '../../shared/model/graph.ts';
import type { Manifest } from '../../shared/model/manifest.ts';
import { digestOf, readPackage } from '../../shared/model/model-package.ts';
import { readModel } from '../../shared/model/read-model.ts';

/** What a PATH on the command line stands for. */
export interface ModelSource {
  readonly graph: ModelGraph;
  readonly bytes: Uint8Array;
  readonly digest: string;
  /** Only a package has one. */
  readonly manifest?: Manifest;
}

/**
 * @param path a package folder, or an ONNX file by itself
 * @throws {FleetError} what reading either of them throws
 */
export async function openModel(path: string): Promise<ModelSource> {
  const folder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (folder) {
    const { graph, bytes, manifest } = await readPackage(path);
    return { graph, bytes, digest: manifest.digest, manifest };
  }
  const { graph, bytes } = await readModel(path);
  return { graph, bytes, digest: digestOf(bytes) };
}
