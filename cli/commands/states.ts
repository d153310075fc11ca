import { Command, Option } from 'commander';
import { dataOption, findData } from '../data-folder.ts';
import { examples, numberBetween } from '../options.ts';
import { type BuildStatesOptions, buildStatesCommand } from './states-build.ts';

/** `edgent states`: bandwidth states from history. */
export function statesCommand(): Command {
  return new Command('states')
    .description('build the bandwidth states that configuration maps are made for')
    .addCommand(build())
    .addHelpText('after', examples('edgent states build --trace oboe/oboe_traces.csv --out states.json'));
}

function build(): Command {
  return new Command('build')
    .description('cut bandwidth logs, or the history of one device, at their change points and group what is alike')
    .option('--trace <files...>', 'bandwidth logs: Belgian 4G/LTE logs or the Oboe table')
    .option('--trace-scale <factor>', 'multiply every rate', numberBetween(0.0001, 1000), 1)
    .option('--control-plane <url>', 'take what a device reported there instead')
    .addOption(new Option('--token <token>', 'admin token of that control plane').env('EDGENT_TOKEN'))
    .option('--device <id>', 'the device whose history is taken')
    .option('--count <states>', 'how many, at most', numberBetween(1, 428, 'integer'), 12)
    .option('--out <file>', 'write the states as JSON: for `edgent map build` and the control plane')
    .addOption(dataOption())
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'edgent states build --trace oboe/oboe_traces.csv --count 12 --out states.json',
        'edgent states build --trace lte-belgium/report_bus_0001.log lte-belgium/report_car_0001.log --trace-scale 0.1',
        'edgent states build --control-plane http://127.0.0.1:8080 --token "$TOKEN" --device cam-1 --out states.json',
      ),
    )
    .action(
      ({ data, trace = [], ...options }: Omit<BuildStatesOptions, 'files'> & { data: string; trace?: string[] }) =>
        buildStatesCommand({
          ...options,
          files: trace.map((name) => ({ name, path: findData('--trace', name, data) })),
        }),
    );
}
