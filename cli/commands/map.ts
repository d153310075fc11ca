import { Command, Option } from 'commander';
import { defaultRttMs } from '../../shared/planner/assumed-conditions.ts';
import { encodings } from '../../shared/protocol/tensor-encoding.ts';
import { directions } from '../../shared/protocol/tensor-frame.ts';
import { wireEncodings } from '../../shared/protocol/wire-encoding.ts';
import { examples, listOf, numberBetween } from '../options.ts';
import { type BuildMapOptions, buildMapCommand } from './map-build.ts';
import { diffMapsCommand } from './map-diff.ts';
import { showMapCommand } from './map-show.ts';

/** `edgent map`: configuration maps. */
export function mapCommand(): Command {
  return new Command('map')
    .addCommand(build())
    .addCommand(show())
    .addCommand(diff())
    .addHelpText(
      'after',
      examples('edgent map build --help', 'edgent map show map.json', 'edgent map diff a.json b.json'),
    );
}

function build(): Command {
  return new Command('build')
    .description('plan each bandwidth state once (Algorithm 2)')
    .requiredOption('--model <package>', 'a model package (folder)')
    .requiredOption('--device-profile <file>', 'latencies of the model on the device class (JSON)')
    .requiredOption('--worker-profile <file>', 'latencies of the model on the worker class (JSON)')
    .requiredOption('--states <file>', 'bandwidth states, from `edgent states build`')
    .option('--deadline <ms>', 'what each frame must be answered within', numberBetween(0.001, 600_000), 200)
    .option('--margin <ms>', 'what a plan must leave of it', numberBetween(0, 600_000), 5)
    .option('--minimum-accuracy <share>', 'plans of a lower accuracy are out', numberBetween(0, 1), 0)
    .addOption(
      new Option('--objective <name>', 'what a plan is chosen for')
        .choices(['accuracy', 'latency', 'paper'])
        .default('accuracy'),
    )
    .option('--encodings <names>', 'how cuts may travel', listOf(wireEncodings), [...encodings])
    .option('--directions <names>', 'who may go first', listOf(directions), ['device-first'])
    .option('--rtt <ms>', 'round trip of an empty message', numberBetween(0, 60_000), defaultRttMs)
    .option('--processor-factor <k>', 'device so many times slower than its profile', numberBetween(1, 10_000), 1)
    .option('--out <file>', 'write the map as JSON')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'edgent map build --model models/branchy-alexnet-32 --device-profile pi.json --worker-profile pc.json --states states.json --out map.json',
        'edgent map build --model models/branchy-alexnet-32 --device-profile pi.json --worker-profile pc.json --states states.json --deadline 100 --objective paper --encodings f32,u8 --json',
      ),
    )
    .action((options: BuildMapOptions) => buildMapCommand(options));
}

function show(): Command {
  return new Command('show')
    .description('print what a map plans in each bandwidth state')
    .argument('<file>', 'a configuration map (JSON)')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples('edgent map show map.json'))
    .action((file: string, { json }: { json?: boolean }) => showMapCommand(file, json === true));
}

function diff(): Command {
  return new Command('diff')
    .description('list the rates for which two maps plan otherwise, whatever their states')
    .argument('<before>', 'a configuration map (JSON)')
    .argument('<after>', 'another one')
    .option('--json', 'print an array of {fromMbps, toMbps, before, after}')
    .addHelpText('after', examples('edgent map diff map-200ms.json map-100ms.json'))
    .action((before: string, after: string, { json }: { json?: boolean }) =>
      diffMapsCommand(before, after, json === true),
    );
}
