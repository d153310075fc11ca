#!/usr/bin/env node
import { Command } from 'commander';
import { describeFailure, errorCatalogue } from '../shared/runtime/errors.ts';
import { onReaderGone } from '../shared/runtime/reader-gone.ts';
import { benchCommand } from './commands/bench.ts';
import { brokerCommand } from './commands/broker.ts';
import { deviceCommand } from './commands/device.ts';
import { mapCommand } from './commands/map.ts';
import { modelCommand } from './commands/model.ts';
import { profileCommand } from './commands/profile.ts';
import { reproduceCommand } from './commands/reproduce.ts';
import { startCommand } from './commands/start.ts';
import { statesCommand } from './commands/states.ts';
import { upCommand } from './commands/up.ts';
import { workerCommand } from './commands/worker.ts';
import { examples } from './options.ts';
import { readVersion } from './version.ts';

const program = new Command('edgent')
  .description('co-inference for fleets of small devices: exit point and partition point chosen for every frame')
  .version(readVersion(), '--version', 'print the version of this release')
  .showHelpAfterError('(--help shows the options with examples)')
  .showSuggestionAfterError()
  .addCommand(startCommand(process.env))
  .addCommand(upCommand(process.env))
  .addCommand(deviceCommand(process.env))
  .addCommand(workerCommand(process.env))
  .addCommand(brokerCommand(process.env))
  .addCommand(modelCommand())
  .addCommand(profileCommand())
  .addCommand(statesCommand())
  .addCommand(mapCommand())
  .addCommand(benchCommand(process.env))
  .addCommand(reproduceCommand(process.env))
  .addHelpText('after', examples('edgent start', 'edgent up', 'edgent device run --help'));

/** Commander ends the process by itself where a command line is off: its message needs the code too. */
function tellUsage(command: Command): void {
  command.configureOutput({
    outputError: (text, write) => write(`${text.trimEnd()}\n  usage: ${errorCatalogue.usage}\n`),
  });
  for (const child of command.commands) tellUsage(child);
}
tellUsage(program);

onReaderGone(() => process.exit(0));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`edgent: ${describeFailure(error)}`);
  process.exitCode = 1;
}
