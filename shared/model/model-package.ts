import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError, messageOf } from '../runtime/errors.ts';
import { branchOf } from './branches.ts';
import type { ModelGraph } from './graph.ts';
import { type Manifest, manifestParser } from './manifest.ts';
import { parseModel } from './parse-model.ts';
import { readModelBytes } from './read-model.ts';
import { writeAtomically } from './write-atomically.ts';

/** A manifest with the model that it describes, digest checked. */
export interface ModelPackage {
  readonly folder: string;
  readonly manifest: Manifest;
  /** Of the manifest's file as it lies there: accuracies and labels may be renewed under the same model. */
  readonly manifestDigest: string;
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  readonly graph: ModelGraph;
}

/** Its name in the folder of a package. */
export const manifestFile = 'manifest.json';

/** @returns `sha256:` and the hexadecimal digest of a file of a package */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * Reads a package folder: manifest, model, and whether the two belong together.
 * @throws {FleetError} `not-found`, `model-manifest-invalid`, `model-digest-mismatch`, and what `parseModel` throws
 */
export async function readPackage(folder: string): Promise<ModelPackage> {
  const text = await readManifestFile(folder);
  const manifest = manifestParser.parseJson(text);
  const bytes = await readModelBytes(join(folder, manifest.file));
  return { folder, manifest, manifestDigest: digestOf(text), bytes, graph: checkPackage(manifest, bytes) };
}

/**
 * Checks a model against its manifest, wherever the two came from.
 * @throws {FleetError} `model-digest-mismatch`, `model-manifest-invalid`, and what `parseModel` throws
 */
export function checkPackage(manifest: Manifest, bytes: Uint8Array): ModelGraph {
  const digest = digestOf(bytes);
  if (digest !== manifest.digest) {
    throw new FleetError('model-digest-mismatch', `${manifest.file}: expected ${manifest.digest}, got ${digest}`);
  }
  const graph = parseModel(bytes);
  const [input] = graph.inputs;
  if (graph.inputs.length !== 1 || input !== manifest.input.name) {
    throw misfit(`/input/name is ${manifest.input.name}, the model's inputs are ${graph.inputs.join(', ')}`);
  }
  for (const [position, { name, nodes, encodedAccuracy, earlyExit }] of manifest.exits.entries()) {
    const found = graph.exits.includes(name) ? branchOf(graph, name).layers.length : 0;
    if (found !== nodes)
      throw misfit(`/exits/${position} (${name}) has ${nodes} nodes, the model ${found || 'no such exit'}`);
    for (const { length } of encodedAccuracy ? [encodedAccuracy.f16, encodedAccuracy.u8] : []) {
      if (length !== nodes + 1)
        throw misfit(`/exits/${position}/encodedAccuracy has ${length} partition points, the model ${nodes + 1}`);
    }
    if (earlyExit !== undefined && earlyExit.modelDigest !== digest)
      throw misfit(`/exits/${position}/earlyExit is of another model, ${earlyExit.modelDigest}: calibrate this one`);
  }
  const { jpeg, webp } = manifest.imageEncodings ?? {};
  for (const { length } of [jpeg, webp].flatMap((measured) => (measured === undefined ? [] : [measured.top1]))) {
    if (length !== manifest.exits.length)
      throw misfit(`/imageEncodings has ${length} accuracies, the model ${manifest.exits.length} exits`);
  }
  return graph;
}

/** @throws {FleetError} `not-found`, `model-manifest-invalid` */
export async function readManifest(folder: string): Promise<Manifest> {
  return manifestParser.parseJson(await readManifestFile(folder));
}

/**
 * Replaces the manifest of a package, all or nothing.
 * @throws {FleetError} `model-manifest-invalid`, before anything is written
 */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const text = `${JSON.stringify(manifestParser.parse(manifest), null, 2)}\n`;
  await writeAtomically(join(folder, manifestFile), text);
}

async function readManifestFile(folder: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, manifestFile));
  } catch (cause) {
    throw new FleetError('not-found', `${folder} is no model package: ${messageOf(cause)}`, { cause });
  }
}

function misfit(what: string): FleetError {
  return new FleetError('model-manifest-invalid', `manifest: ${what}`);
}
