#!/usr/bin/env node
import { Command } from 'commander';
import { describeFailure, errorCatalogue } from '../shared/runtime/errors.ts';
import { onReaderGone } from '../shared/runtime/reader-gone.ts';
import { loadCommands } from './load-commands.ts';
import { examples } from './options.ts';
import { readVersion } from './version.ts';

const program = new Command('edgent')
  .description('co-inference for fleets of small devices: exit point and partition point chosen for every frame')
  .version(readVersion(), '--version', 'print the version of this release')
  .showHelpAfterError('(--help shows the options with examples)')
  .showSuggestionAfterError()
  // Of a command that is not loaded nobody knows whether it has options.
  .configureHelp({ subcommandTerm: (command) => command.name() })
  .addHelpText('after', examples('edgent start', 'edgent up', 'edgent device run --help'));
for (const command of await loadCommands(process.argv.slice(2), process.env)) program.addCommand(command);

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
