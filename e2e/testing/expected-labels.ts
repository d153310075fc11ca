import { evaluate } from '../../cli/commands/model-evaluate.ts';
import type { FrameResult } from '../../shared/protocol/frame-result.ts';
import { type Encoding, encodings } from '../../shared/protocol/tensor-encoding.ts';
import { repositoryFile } from '../../shared/testing/data-folder.ts';
import type { ShippedModel } from './platform-options.ts';

/** Exit, cut and encoding, as `edgent model evaluate` takes them. */
export interface Cut {
  exit: string;
  /** Undefined: the whole branch, in one piece. */
  partition?: number;
  encoding?: Encoding;
}

/** What `edgent model evaluate --labels` says of the first images of a file. */
export interface ExpectedLabels {
  /** @returns the label of each image, by its name */
  of(cut: Cut): Promise<ReadonlyMap<string, string>>;
}

/** @param limit images that are evaluated; the frames of a test must be among them */
export function createExpectedLabels(model: ShippedModel, images: string, limit: number): ExpectedLabels {
  const known = new Map<string, Promise<ReadonlyMap<string, string>>>();
  const whole = new Map<string, Promise<Awaited<ReturnType<typeof evaluate>>>>();

  async function evaluated({ exit, partition, encoding = 'f32' }: Cut): Promise<ReadonlyMap<string, string>> {
    const options = { images, limit, labels: true, encoding };
    const path = repositoryFile('models', model);
    const cut = partition === undefined ? {} : { exit, partition };
    const key = JSON.stringify(cut);
    // One run of the whole model gives the labels of all exits.
    const run =
      (partition === undefined ? whole.get(key) : undefined) ?? evaluate(path, { ...options, ...cut }, () => {});
    if (partition === undefined) whole.set(key, run);
    const labels = (await run).labels ?? [];
    return new Map(labels.map(({ name, predicted }) => [name, predicted[exit] ?? '']));
  }

  return {
    of(cut) {
      const key = JSON.stringify([cut.exit, cut.partition, cut.encoding]);
      const labels = known.get(key) ?? evaluated(cut);
      known.set(key, labels);
      return labels;
    },
  };
}

/** @returns the frames whose label is another one than evaluating the same image, exit, cut and encoding gives */
export async function wronglyLabelled(
  results: readonly FrameResult[],
  expected: ExpectedLabels,
): Promise<FrameResult[]> {
  const wrong: FrameResult[] = [];
  for (const result of results) {
    const { exit, partition, name, label } = result;
    const encoding = encodings.find((each) => each === result.encoding) ?? 'f32';
    if ((await expected.of({ exit, partition, encoding })).get(name) !== label) wrong.push(result);
  }
  return wrong;
}
