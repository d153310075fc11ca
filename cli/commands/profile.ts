import { Command, Option } from 'commander';
import { examples, numberBetween } from '../options.ts';
import { type MeasureOptions, measureCommand } from './profile-measure.ts';
import { type ShowOptions, showCommand } from './profile-show.ts';

/** `edgent profile`: how long the layers of a model take. */
export function profileCommand(): Command {
  return new Command('profile')
    .addCommand(measure())
    .addCommand(show())
    .addHelpText(
      'after',
      examples(
        'edgent profile measure models/branchy-alexnet-32 --out profile.json',
        'edgent profile show profile.json --svg layers.svg',
      ),
    );
}

function measure(): Command {
  return new Command('measure')
    .description('measure a model on this machine, without a platform; progress on standard error')
    .argument('<model>', 'a model package (folder) or an .onnx file')
    .option('--out <file>', 'where the profile is written (default: standard output)')
    .addOption(
      new Option('--tier <name>', 'what this machine stands for').choices(['device', 'worker']).default('device'),
    )
    .option(
      '--threads <n>',
      'inference threads that this machine serves with, for the record',
      numberBetween(1, 256, 'integer'),
      1,
    )
    .option('--runs <n>', 'runs of each segment, as far as the budget goes', numberBetween(1, 1000, 'integer'), 20)
    .option('--budget <s>', 'time for all of it; expensive segments get fewer runs', numberBetween(1, 3600), 50)
    .option(
      '--state <folder>',
      'keeps what was measured for half an hour: an interrupted run goes on where it was',
      '.edgent/profiling',
    )
    .option('--fresh', 'measure anew what an interrupted run has measured', false)
    .addHelpText(
      'after',
      examples(
        'edgent profile measure models/branchy-alexnet-32 --out profile.json',
        'edgent profile measure model.onnx --tier worker --threads 4 --runs 50 --budget 120 > worker.json',
      ),
    )
    .action((path: string, options: MeasureOptions) => measureCommand(path, options));
}

function show(): Command {
  return new Command('show')
    .description('print latency and output size of each layer, as in the paper’s Fig. 3, and draw them')
    .argument('[file]', 'a profile (JSON); without it, one of the control plane')
    .option('--control-plane <url>', 'take the profile from there')
    .addOption(new Option('--token <token>', 'access token for the control plane').env('EDGENT_TOKEN'))
    .addOption(new Option('--tier <name>', 'of several profiles, this tier’s').choices(['device', 'worker']))
    .option('--hardware-class <name>', 'of several profiles, this class’s')
    .option('--model <digest>', 'of several profiles, this model’s (the beginning of its digest is enough)')
    .option('--exit <name>', 'the exit whose branch is shown (default: the deepest)')
    .option('--svg <file>', 'draw it as well: runtime and output size of each layer')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'edgent profile show profile.json',
        'edgent profile show profile.json --exit exit3 --svg layers.svg',
        'edgent profile show --control-plane http://127.0.0.1:8080 --token "$TOKEN" --tier device --json',
      ),
    )
    .action((file: string | undefined, options: ShowOptions) => showCommand(file, options));
}
