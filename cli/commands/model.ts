import { fileURLToPath } from 'node:url';
import { Argument, Command, Option } from 'commander';
import { defaultRttMs } from '../../shared/planner/assumed-conditions.ts';
import { encodings } from '../../shared/protocol/tensor-encoding.ts';
import { directions } from '../../shared/protocol/tensor-frame.ts';
import { dataOption, findData } from '../data-folder.ts';
import { examples, imageFormats, listOf, numberBetween, sharesOf } from '../options.ts';
import { type CalibrateOptions, calibrateCommand } from './model-calibrate.ts';
import { type EvaluateOptions, evaluateCommand } from './model-evaluate.ts';
import { type InspectOptions, inspectCommand } from './model-inspect.ts';
import { type PartitionOptions, partitionCommand } from './model-partition.ts';
import { type SplitOptions, splitCommand } from './model-split.ts';

const defaultPackage = fileURLToPath(new URL('../../../models/branchy-alexnet-32', import.meta.url));

/** `edgent model`: looks into model packages, cuts them, says where to cut them, evaluates and calibrates them. */
export function modelCommand(): Command {
  return new Command('model')
    .addCommand(inspect())
    .addCommand(split())
    .addCommand(partition())
    .addCommand(evaluate())
    .addCommand(calibrate())
    .addHelpText('after', examples('edgent model inspect models/branchy-alexnet-32', 'edgent model evaluate --help'));
}

function inspect(): Command {
  return new Command('inspect')
    .description('list exits, layers and cuts of a model')
    .argument('<path>', 'a model package (folder) or an .onnx file')
    .option('--exit <name>', 'only this exit')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'edgent model inspect models/branchy-alexnet-32',
        'edgent model inspect models/branchy-alexnet-32 --exit exit3 --json',
      ),
    )
    .action((path: string, options: InspectOptions) => inspectCommand(path, options));
}

function split(): Command {
  return new Command('split')
    .description('cut the branch of one exit in two: head.onnx and tail.onnx')
    .argument('<path>', 'a model package (folder) or an .onnx file')
    .requiredOption('--exit <name>', 'the exit whose branch is cut')
    .requiredOption(
      '--partition <layers>',
      'how many layers go to the head, 0 to all',
      numberBetween(0, 1e6, 'integer'),
    )
    .requiredOption('--out <folder>', 'where the halves are written; files of an earlier split are replaced')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples('edgent model split models/branchy-alexnet-32 --exit exit5 --partition 4 --out cut'))
    .action((path: string, options: SplitOptions) => splitCommand(path, options));
}

function partition(): Command {
  return new Command('partition')
    .description('find the fastest partition over all sets of layers closed under predecessors, beside the best prefix')
    .argument('<path>', 'a model package (folder) or an .onnx file')
    .requiredOption('--device-profile <file>', 'latencies of the model on the device class (JSON)')
    .requiredOption('--worker-profile <file>', 'latencies of the model on the worker class (JSON)')
    .requiredOption('--mbps <rate>', 'uplink rate, Mbit/s', numberBetween(0.001, 100_000))
    .option('--downlink-mbps <rate>', 'downlink rate, Mbit/s (default: as the uplink)', numberBetween(0.001, 100_000))
    .option('--rtt <ms>', 'round trip of an empty message', numberBetween(0, 60_000), defaultRttMs)
    .option('--exit <name>', 'only this exit')
    .option('--encodings <names>', 'how cuts may travel', listOf(encodings), [...encodings])
    .option('--directions <names>', 'who may go first', listOf(directions), ['device-first'])
    .option('--processor-factor <k>', 'device so many times slower than its profile', numberBetween(1, 10_000), 1)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'edgent model partition models/branchy-alexnet-32 --device-profile pi.json --worker-profile pc.json --mbps 2',
        'edgent model partition resnet.onnx --device-profile pi.json --worker-profile pc.json --mbps 20 --downlink-mbps 50 --processor-factor 20 --exit exit3 --encodings f32 --directions device-first,edge-first --json',
      ),
    )
    .action((path: string, options: PartitionOptions) => partitionCommand(path, options));
}

function evaluate(): Command {
  return new Command('evaluate')
    .description('measure the accuracy of the exits on labelled images')
    .addArgument(new Argument('[path]', 'a model package (folder)').default(defaultPackage, 'branchy-alexnet-32'))
    .requiredOption('--images <path>', 'CIFAR-10 records (.bin, .bin.xz), an image, or a folder of labelled folders')
    .addOption(dataOption())
    .option('--limit <images>', 'only the first ones', numberBetween(1, 1e9, 'integer'))
    .option('--exit <name>', 'only this exit')
    .option(
      '--partition <layers>',
      'run head, encoding and tail instead of the whole branch',
      numberBetween(0, 1e6, 'integer'),
    )
    .addOption(new Option('--encoding <name>', 'how the cut travels').choices(encodings).default('f32'))
    .option('--cuts', 'also measure the accuracy with every cut encoded as f16 and as u8 (minutes)')
    .option('--image-encodings <list>', 'also measure the input as such files, e.g. jpeg=90,webp=80', imageFormats)
    .option('--labels', 'add the predicted label of each image')
    .option('--dataset <name>', 'name of the images in the manifest (default: from their path)')
    .option('--write', 'store the accuracy, with the number of images, in the manifest')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'edgent model evaluate --images cifar10/test.bin.xz --json',
        'edgent model evaluate models/branchy-alexnet-128 --images cifar10/test.bin.xz --cuts --write',
        'edgent model evaluate --images cifar10/test.bin.xz --image-encodings jpeg=90,webp=80 --write',
        'edgent model evaluate --images cifar10/test-1000.bin --exit exit5 --partition 4 --encoding u8 --labels --json',
      ),
    )
    .action((path: string, { data, ...options }: EvaluateOptions & { data: string }) =>
      evaluateCommand(path, { ...options, images: findData('--images', options.images, data) }),
    );
}

function calibrate(): Command {
  return new Command('calibrate')
    .description('choose below which entropy each exit may answer in place of a deeper one, on labelled images')
    .addArgument(new Argument('[path]', 'a model package (folder)').default(defaultPackage, 'branchy-alexnet-32'))
    .requiredOption('--images <path>', 'CIFAR-10 records (.bin, .bin.xz) or a folder of labelled folders')
    .addOption(dataOption())
    .option('--limit <images>', 'only the first ones', numberBetween(1, 1e9, 'integer'))
    .option(
      '--losses <list>',
      'accuracy that may be lost, 0 to 1, one or more with commas',
      sharesOf,
      [0.0025, 0.005, 0.01, 0.02],
    )
    .option('--dataset <name>', 'name of the images in the manifest (default: from their path)')
    .option('--write', 'store the thresholds in the manifest')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'edgent model calibrate --images cifar10/test.bin.xz',
        'edgent model calibrate models/branchy-alexnet-128 --images cifar10/test.bin.xz --losses 0.005,0.01 --write',
      ),
    )
    .action((path: string, { data, ...options }: CalibrateOptions & { data: string }) =>
      calibrateCommand(path, { ...options, images: findData('--images', options.images, data) }),
    );
}
