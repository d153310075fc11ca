import type { EvaluatedExit, EvaluatedImage, Evaluation } from './evaluation.ts';
import { printLine, printTable } from './print.ts';

/** Prints an evaluation as tables: the exits, the cuts where they were measured, the images where they were asked for. */
export function printEvaluation({ exits, images, dataset, labels, imageEncodings }: Evaluation): void {
  printLine(`${images} images of ${dataset}`);
  const rows = exits.map((exit) => [
    exit.name,
    exit.accuracy === null ? '' : percent(exit.accuracy),
    `${exit.layers}`,
    `${exit.nodes}`,
    exit.bytes.toLocaleString('en'),
    exit.msPerImage.toFixed(3),
  ]);
  printTable(['exit', 'accuracy', 'layers', 'nodes', 'bytes', 'ms per image'], rows, [1, 2, 3, 4, 5]);
  if (exits.some(({ encodedAccuracy }) => encodedAccuracy !== undefined)) printCuts(exits);
  if (imageEncodings !== undefined) printImageEncodings(exits, imageEncodings);
  if (labels !== undefined) printImages(exits, labels);
}

/** One row a partition point: accuracies of f16 and u8, and what they cost against the exit's own. */
function printCuts(exits: readonly EvaluatedExit[]): void {
  const rows = exits.flatMap(({ name, accuracy, encodedAccuracy }) =>
    (encodedAccuracy?.f16 ?? []).map((f16, partition) => {
      const u8 = encodedAccuracy?.u8[partition] ?? 0;
      const points = (value: number) => (100 * (value - (accuracy ?? 0))).toFixed(2);
      return [name, `${partition}`, percent(f16), points(f16), percent(u8), points(u8)];
    }),
  );
  printLine('\naccuracy with the cut encoded, and its difference to the exit in points');
  printTable(['exit', 'p', 'f16', 'points', 'u8', 'points'], rows, [1, 2, 3, 4, 5]);
}

/** One row an exit and format: its accuracy, and what the format costs in points and takes in bytes. */
function printImageEncodings(
  exits: readonly EvaluatedExit[],
  { jpeg, webp }: NonNullable<Evaluation['imageEncodings']>,
): void {
  const rows = Object.entries({ jpeg, webp }).flatMap(([name, measured]) =>
    (measured?.top1 ?? []).map((top1, exit) => {
      const points = (100 * (top1 - (exits[exit]?.accuracy ?? 0))).toFixed(2);
      const { quality, meanBytes, p95Bytes } = measured ?? {};
      return [`${name} ${quality}`, exits[exit]?.name ?? '', percent(top1), points, `${meanBytes}`, `${p95Bytes}`];
    }),
  );
  printLine('\naccuracy with the input as an image file, and its difference to the exit in points');
  printTable(['format', 'exit', 'accuracy', 'points', 'mean bytes', 'p95 bytes'], rows, [2, 3, 4, 5]);
}

function printImages(exits: readonly EvaluatedExit[], labels: readonly EvaluatedImage[]): void {
  const names = exits.map(({ name }) => name);
  const lines = labels.map(({ name, label, predicted }) => [
    name,
    label ?? '',
    ...names.map((exit) => predicted[exit] ?? ''),
  ]);
  printTable(['image', 'label', ...names], lines, []);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
