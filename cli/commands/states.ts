import { Command, Option } from 'commander';
import { dataOption, findData } from '../data-folder.ts';
import { examples, numberBetween } from '../options.ts';
import { type BuildStatesOptions, buildStatesCommand } from './states-build.ts';
import { resetStatesCommand, setStatesCommand, showStatesCommand } from './states-control.ts';

/** `edgent states`: bandwidth states from history. */
export function statesCommand(): Command {
  return new Command('states')
    .addCommand(build())
    .addCommand(show())
    .addCommand(set())
    .addCommand(reset())
    .addHelpText('after', examples('edgent states build --trace oboe/oboe_traces.csv --out states.json'));
}

function build(): Command {
  return new Command('build')
    .description('cut bandwidth logs, or what devices reported, at their change points and group what is alike')
    .option('--trace <files...>', 'bandwidth logs: Belgian 4G/LTE logs or the Oboe table')
    .option('--trace-scale <factor>', 'multiply every rate', numberBetween(0.0001, 1000), 1)
    .option('--control-plane <url>', 'take what devices reported there instead')
    .addOption(tokenOption())
    .option('--device <id>', 'the device whose history is taken')
    .option('--fleet', 'take the history of all devices')
    .option('--reports <count>', 'newest reports of each device, at most', numberBetween(1, 1e6, 'integer'), 5000)
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
        'edgent states build --control-plane http://127.0.0.1:8080 --token "$TOKEN" --fleet --out states.json',
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

function show(): Command {
  return controlling(new Command('show'))
    .description('show the bandwidth states that are in force')
    .addHelpText('after', examples('edgent states show --token "$TOKEN"'))
    .action(showStatesCommand);
}

function set(): Command {
  return controlling(new Command('set'))
    .description('put bandwidth states in force for the whole fleet: all its maps are built anew and pushed')
    .argument('<file>', 'from `edgent states build --out`')
    .addHelpText('after', examples('edgent states set states.json --token "$TOKEN"'))
    .action(setStatesCommand);
}

function reset(): Command {
  return controlling(new Command('reset'))
    .description('go back to the bandwidth states that the control plane was started with')
    .addHelpText('after', examples('edgent states reset --token "$TOKEN"'))
    .action(resetStatesCommand);
}

/** Adds what a command needs that speaks to a control plane. */
function controlling(command: Command): Command {
  return command
    .option('--control-plane <url>', 'address of the control plane', 'http://127.0.0.1:8080')
    .addOption(tokenOption())
    .option('--json', 'print one JSON object');
}

function tokenOption(): Option {
  return new Option('--token <token>', 'admin token of that control plane').env('EDGENT_TOKEN');
}
