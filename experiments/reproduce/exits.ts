import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { readCifar10 } from '../../shared/adapters/cifar10.ts';
import { preprocess } from '../../shared/adapters/images.ts';
import { startInferenceThread } from '../../shared/adapters/inference-thread.ts';
import type { Frame } from '../../shared/model/frame.ts';
import type { ModelPackage } from '../../shared/model/model-package.ts';
import { defineExperiment, type ExperimentContext } from './experiment.ts';
import { profileOf } from './factors.ts';
import { openModel } from './models.ts';
import { acrossPlaces } from './report/across-places.ts';
import type { Block, Claim } from './report/document.ts';
import { reasonFor } from './report/reason.ts';
import { fixed, percent } from './report/wording.ts';
import type { ModelName } from './settings.ts';

const nullable = Type.Union([Type.Null(), Type.Number()]);

const ExitSchema = Type.Object({
  name: Type.String(),
  paperLayers: Type.Integer(),
  nodes: Type.Integer(),
  parameterBytes: Type.Integer(),
  flops: Type.Number(),
  /** The branch as one piece on this machine, ms. */
  wholeMs: Type.Number(),
  /** Of the manifest: all 10,000 test images. */
  accuracy: nullable,
  /** Of this run. */
  measuredAccuracy: nullable,
});

const CaseSchema = Type.Object({
  model: Type.String(),
  /** That the accuracy was measured with in this run; 0: the data set is not there. */
  images: Type.Integer({ minimum: 0 }),
  modelBytes: Type.Integer(),
  exits: Type.Array(ExitSchema, { minItems: 1 }),
});
type Case = Static<typeof CaseSchema>;

/** Fig. 4 of the paper: the branchy AlexNet and its five exits. */
export const exits = defineExperiment({
  name: 'exits',
  schema: Type.Object({ cases: Type.Array(CaseSchema, { minItems: 1 }) }),
  async run(context) {
    const cases: Case[] = [];
    for (const model of context.scale.models) cases.push(await measureCase(context, model));
    return { cases };
  },
  chapter: ({ cases }) => ({
    title: 'Fig. 4: the branchy AlexNet and its exits',
    claims: acrossPlaces(
      cases.map((each) => ({ place: each.model, claims: [layersClaim(each), accuracyClaim(each)] })),
    ),
    blocks: cases.flatMap(caseBlocks),
  }),
});

async function measureCase(context: ExperimentContext, name: ModelName): Promise<Case> {
  const { package: model, description } = await openModel(name);
  const profile = await profileOf(context, name);
  const counted = await accuracyOf(context, name, model);
  return {
    model: name,
    images: counted.images,
    modelBytes: model.bytes.byteLength,
    exits: model.manifest.exits.map(({ name: exit, paperLayers, nodes, accuracy }, index) => ({
      name: exit,
      paperLayers,
      nodes,
      parameterBytes: description.branches[index]?.parameterBytes ?? 0,
      flops: description.branches[index]?.flops ?? 0,
      wholeMs: profile.exits[index]?.head.at(-1)?.medianMs ?? 0,
      accuracy: accuracy?.top1 ?? null,
      measuredAccuracy: counted.accuracies[index] ?? null,
    })),
  };
}

const CountSchema = Type.Object({ images: Type.Integer(), accuracies: Type.Array(Type.Number()) });

function accuracyOf(
  { point, scale, dataFolder, progress }: ExperimentContext,
  name: ModelName,
  model: ModelPackage,
): Promise<Static<typeof CountSchema>> {
  const file = join(dataFolder, 'cifar10', scale.images > 1000 ? 'test.bin.xz' : 'test-1000.bin');
  // Without the data set nothing is kept: it may be there the next time.
  if (!existsSync(file)) return Promise.resolve({ images: 0, accuracies: [] });
  const inputs = { what: 'accuracy', digest: model.manifest.digest, images: scale.images };
  return point(inputs, CountSchema, async () => {
    progress(`${name}: accuracy of its exits on ${scale.images} images`);
    const frames = await readCifar10(file, { limit: scale.images });
    const right = await countRight(model, frames);
    return { images: frames.length, accuracies: right.map((count) => count / frames.length) };
  });
}

/** @returns for each exit how many frames it labels as the data set does; one run gives all exits */
async function countRight({ manifest, bytes }: ModelPackage, frames: readonly Frame[]): Promise<number[]> {
  const right = manifest.exits.map(() => 0);
  const thread = startInferenceThread({ maxSessions: 1 });
  try {
    await thread.load('whole', bytes);
    for (const frame of frames) {
      const data = await preprocess(frame, manifest.preprocessing);
      const { outputs } = await thread.run('whole', {
        [manifest.input.name]: { data, dims: [1, ...manifest.input.shape] },
      });
      for (const [index, exit] of manifest.exits.entries()) {
        const scores = outputs[exit.name]?.data ?? new Float32Array();
        if (scores.indexOf(Math.max(...scores)) === frame.label) right[index] = (right[index] ?? 0) + 1;
      }
    }
  } finally {
    await thread.close();
  }
  return right;
}

/** Layers of the paper's five branches. */
const paperLayers = [12, 16, 19, 20, 22];

function layersClaim({ exits: all }: Case): Claim {
  const counts = all.map((exit) => exit.paperLayers);
  const verdict = counts.join() === paperLayers.join() ? 'holds' : 'holds not';
  const different = Array.from({ length: Math.max(counts.length, paperLayers.length) }, (_, index) => index)
    .filter((index) => counts[index] !== paperLayers[index])
    .map((index) => `exit ${index + 1} (${counts[index] ?? 'none'}, the paper’s ${paperLayers[index] ?? 'none'})`);
  return {
    statement: 'a branchy AlexNet has five exits, of ever more layers',
    paper: `${paperLayers.join(', ')} layers`,
    ours: `${counts.join(', ')} layers (${all.map(({ nodes }) => nodes).join(', ')} nodes of the graph)`,
    verdict,
    reason: reasonFor(verdict, different, {
      holds:
        'The network was built to be the paper’s: dropout counts as a layer there and is gone in a graph for inference, ' +
        'flattening counts here and not there.',
      holdsNot: 'The package is of another network than the paper’s.',
    }),
    emulation: 'nothing',
  };
}

function accuracyClaim({ exits: all, images }: Case): Claim {
  const accuracies = all.flatMap(({ accuracy }) => accuracy ?? []);
  const falls = accuracies.flatMap((accuracy, index) =>
    accuracy > (accuracies[index - 1] ?? -1) ? [] : [`${all[index]?.name} (${percent(accuracy)})`],
  );
  const isKnown = accuracies.length === all.length;
  const verdict = isKnown ? (falls.length === 0 ? 'holds' : 'holds not') : 'not measured';
  const reason = reasonFor(verdict, falls, {
    holds:
      'More layers see more of the image at once; the price is their time, so that accuracy can be traded for latency.',
    holdsNot: 'As it was trained, the exit before does as well with fewer layers: the deeper one buys nothing.',
  });
  return {
    statement: 'deeper exits are more accurate',
    paper: 'a figure without numbers',
    ours: isKnown ? accuracies.map(percent).join(', ') : 'the manifest lacks accuracies',
    verdict,
    reason: `${reason} In this run ${images} of the test images were labelled again.`,
    emulation: 'nothing',
  };
}

function caseBlocks({ model, images, modelBytes, exits: all }: Case): Block[] {
  const percentOr = (accuracy: number | null): string => (accuracy === null ? '–' : percent(accuracy));
  const head = ['exit', 'layers', 'nodes', 'MB', 'MFLOP', 'own time, ms', 'accuracy', `on ${images} images now`];
  return [
    {
      kind: 'paragraph',
      text:
        `${model}: one file of ${fixed(modelBytes / 1e6, 1)} MB. Accuracy: share of the CIFAR-10 test images that are ` +
        'labelled right, of all 10,000 as the manifest has them, and of those labelled in this run. Own time: the ' +
        'branch run whole on this machine, not slowed.',
    },
    {
      kind: 'table',
      head,
      numeric: head.map((_, column) => column).slice(1),
      rows: all.map((exit) => [
        exit.name,
        String(exit.paperLayers),
        String(exit.nodes),
        fixed(exit.parameterBytes / 1e6, 1),
        fixed(exit.flops / 1e6, 1),
        fixed(exit.wholeMs, 2),
        percentOr(exit.accuracy),
        percentOr(exit.measuredAccuracy),
      ]),
    },
    ...pictures({ model, exits: all }),
  ];
}

function pictures({ model, exits: all }: Pick<Case, 'model' | 'exits'>): Block[] {
  const categories = all.map(({ name }) => name);
  const bars = (
    part: string,
    title: string,
    left: { label: string; name: string; of: (exit: Case['exits'][number]) => number | null },
    right: { label: string; name: string; of: (exit: Case['exits'][number]) => number | null },
  ): Block => ({
    kind: 'picture',
    name: `exits-${part}-${model}`,
    alt: `${title} of each exit of ${model}`,
    picture: {
      kind: 'bars',
      chart: {
        title: `${title} of each exit`,
        subtitle: model,
        categories,
        y: { label: left.label, min: 0 },
        series: [{ name: left.name, values: all.map(left.of) }],
        right: { y: { label: right.label, min: 0 }, series: [{ name: right.name, values: all.map(right.of) }] },
      },
    },
  });
  return [
    bars(
      'accuracy',
      'Accuracy and size',
      {
        label: 'accuracy in %',
        name: 'accuracy',
        of: ({ accuracy }) => (accuracy === null ? null : 100 * accuracy),
      },
      { label: 'parameters in MB', name: 'size', of: ({ parameterBytes }) => parameterBytes / 1e6 },
    ),
    bars(
      'work',
      'Work and own time',
      { label: 'MFLOP', name: 'work', of: ({ flops }) => flops / 1e6 },
      { label: 'own time in ms', name: 'own time on this machine', of: ({ wholeMs }) => wholeMs },
    ),
  ];
}
