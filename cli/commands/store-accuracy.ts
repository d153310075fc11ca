import type { Manifest } from '../../shared/model/manifest.ts';
import { readPackage, writeManifest } from '../../shared/model/model-package.ts';
import type { EvaluatedExit, Evaluation } from './evaluation.ts';

type ManifestExit = Manifest['exits'][number];

/**
 * Replaces the accuracies of the exits that were evaluated, all or nothing.
 * @param folder the model package
 * @throws {FleetError} what reading the package and writing its manifest throw
 */
export async function storeAccuracy(folder: string, evaluation: Evaluation): Promise<void> {
  const { manifest } = await readPackage(folder);
  const measured = new Map(evaluation.exits.map((exit) => [exit.name, exit]));
  const exits = manifest.exits.map((exit) => updated(exit, measured.get(exit.name), evaluation));
  const { imageEncodings: _, ...rest } = manifest;
  const imageEncodings = imagesOf(manifest, evaluation);
  await writeManifest(folder, { ...rest, exits, ...(imageEncodings && { imageEncodings }) });
}

/** Those that were measured on other images go too, and a format that was not measured now stays. */
function imagesOf({ imageEncodings: stored }: Manifest, about: Evaluation): Manifest['imageEncodings'] {
  const { dataset, images, imageEncodings } = about;
  const kept = stored?.dataset === dataset && stored.images === images ? stored : undefined;
  return imageEncodings === undefined ? kept : { ...kept, ...imageEncodings, dataset, images };
}

/** Accuracies of cuts that were measured on other images go: they would be compared with the exit's new one. */
function updated(exit: ManifestExit, measured: EvaluatedExit | undefined, about: Evaluation): ManifestExit {
  const top1 = measured?.accuracy ?? null;
  if (top1 === null) return exit;
  const { encodedAccuracy: stored, ...rest } = exit;
  const source = { dataset: about.dataset, images: about.images };
  const kept = stored?.dataset === source.dataset && stored.images === source.images ? stored : undefined;
  const encodedAccuracy = measured?.encodedAccuracy ? { ...source, ...measured.encodedAccuracy } : kept;
  return { ...rest, accuracy: { ...source, top1 }, ...(encodedAccuracy === undefined ? {} : { encodedAccuracy }) };
}
