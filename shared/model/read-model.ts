import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { FleetError, messageOf } from '../runtime/errors.ts';
import type { ModelGraph } from './graph.ts';
import type { TensorProto } from './onnx_pb.ts';
import { parseModel } from './parse-model.ts';
import type { ExternalData } from './stored-tensors.ts';
import { declaredBytes, largestParameterBytes } from './stored-tensors.ts';

/** Room for nodes and names beside the weights. */
const largestFileBytes = largestParameterBytes + 64 * 1024 * 1024;

/** A parsed model and the file it came from. */
export interface ModelFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly graph: ModelGraph;
}

/**
 * Reads an ONNX file; weights in other files are read too, if those lie in the model's own folder.
 * @throws {FleetError} what `parseModel` throws; `not-found` where there is no such file
 */
export async function readModel(path: string): Promise<ModelFile> {
  const bytes = await readModelBytes(path);
  return { path, bytes, graph: parseModel(bytes, externalDataOf(dirname(path))) };
}

/** @throws {FleetError} `not-found`, `model-too-large` */
export async function readModelBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > largestFileBytes) throw new FleetError('model-too-large', `${path} has ${size} bytes`);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    throw new FleetError('not-found', `the model ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** @param folder the only one that data is read from, links followed */
function externalDataOf(folder: string): ExternalData {
  return (tensor) => {
    const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
    const path = insideFolder(folder, entries.get('location') ?? '', tensor.name);
    const offset = Number(entries.get('offset') ?? 0);
    return readPart(path, offset, tensor);
  };
}

function insideFolder(folder: string, location: string, name: string): string {
  try {
    const root = realpathSync(folder);
    const path = realpathSync(resolve(root, location));
    if (path.startsWith(root + sep)) return path;
  } catch (cause) {
    throw externalError(name, location, `cannot be read: ${messageOf(cause)}`, cause);
  }
  throw externalError(name, location, "lies outside the model's folder");
}

function readPart(path: string, offset: number, tensor: TensorProto): Uint8Array {
  const bytes = new Uint8Array(declaredBytes(tensor));
  const file = openSync(path, 'r');
  try {
    const inFile = Number.isSafeInteger(offset) && offset >= 0 && offset + bytes.byteLength <= fstatSync(file).size;
    if (!inFile) throw externalError(tensor.name, path, `has no ${bytes.byteLength} bytes at ${offset}`);
    for (let read = 0; read < bytes.byteLength; ) {
      const got = readSync(file, bytes, read, bytes.byteLength - read, offset + read);
      if (got === 0) throw externalError(tensor.name, path, 'became shorter while it was read');
      read += got;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

function externalError(name: string, location: string, what: string, cause?: unknown): FleetError {
  const message = `weights of ${JSON.stringify(name)} are in ${JSON.stringify(location)}, which ${what}`;
  return new FleetError('model-external-data', message, { cause });
}
