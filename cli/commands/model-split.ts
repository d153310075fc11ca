import { join } from 'node:path';
import { traceShapes } from '../../shared/adapters/trace-shapes.ts';
import { splitBranch } from '../../shared/model/split.ts';
import { removeFile, writeAtomically } from '../../shared/model/write-atomically.ts';
import { openModel } from './model-source.ts';
import { printJson, printLine } from './print.ts';

export interface SplitOptions {
  readonly exit: string;
  readonly partition: number;
  readonly out: string;
  readonly json?: boolean;
}

/** `edgent model split`: both halves are made before either is written. */
export async function splitCommand(path: string, { exit, partition, out, json }: SplitOptions): Promise<void> {
  const { graph } = await openModel(path);
  const shapes = await traceShapes(graph);
  const { head, tail, cut } = splitBranch(graph, exit, partition, shapes);
  const tensors = cut.map((name) => ({ name, dims: shapes.get(name)?.dims ?? [] }));
  const files = { head: await writeHalf(out, 'head.onnx', head), tail: await writeHalf(out, 'tail.onnx', tail) };
  if (json) {
    printJson({ exit, partition, cut: tensors, ...files });
    return;
  }
  printLine(`head  ${describe(files.head)}`);
  printLine(`cut   ${tensors.map(({ name, dims }) => `${name} [${dims.join('×')}]`).join(', ')}`);
  printLine(`tail  ${describe(files.tail)}`);
}

type Half = { readonly file: string; readonly bytes: number } | null;

/** A half without layers has no file, and none of an earlier split may stay in its place. */
async function writeHalf(folder: string, name: string, bytes: Uint8Array | null): Promise<Half> {
  const file = join(folder, name);
  if (bytes === null) {
    await removeFile(file);
    return null;
  }
  await writeAtomically(file, bytes);
  return { file, bytes: bytes.byteLength };
}

function describe(half: Half): string {
  return half === null ? '(no layers)' : `${half.file}, ${half.bytes.toLocaleString('en')} bytes`;
}
