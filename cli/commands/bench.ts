import { Command, Option } from 'commander';
import { benchAreas } from '../../experiments/bench/areas.ts';
import type { BenchContext, BenchFigure } from '../../experiments/bench/figure.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { examples, shippedModelsFolder } from '../options.ts';
import { profilesStayMs, startPlatform } from '../platform/platform.ts';
import { printJson, printTable } from './print.ts';

/** `edgent bench`: measures, and says which bars hold. */
export function benchCommand(inherited: Record<string, string | undefined>): Command {
  return new Command('bench')
    .description('measure the platform against its bars; exit code 1 when one falls short')
    .addOption(new Option('--only <area>', 'one area alone').choices(benchAreas.map(({ name }) => name)))
    .option('--json', 'print an array of {name, value, unit, bar, holds}')
    .addHelpText('after', examples('npm run bench', 'npm run bench --silent -- --only overhead --json'))
    .action(async ({ only, json }: { only?: string; json?: boolean }) => {
      const figures: BenchFigure[] = [];
      for (const area of benchAreas) {
        if (only === undefined || area.name === only) figures.push(...(await area.run(contextOf(inherited))));
      }
      if (json === true) printJson(figures);
      else printFigures(figures);
      if (figures.some(({ holds }) => !holds)) process.exitCode = 1;
    });
}

function contextOf(inherited: Record<string, string | undefined>): BenchContext {
  return {
    progress: (text) => void process.stderr.write(`${text}\n`),
    startPlatform: (stateFolder) =>
      startPlatform({
        stateFolder,
        modelsFolder: shippedModelsFolder,
        httpPort: 0,
        mqttPort: 0,
        workers: 1,
        driftPersistMs: profilesStayMs,
        logLevel: 'warn',
        inherited,
        log: createLog('bench', 'warn'),
      }),
  };
}

function printFigures(figures: readonly BenchFigure[]): void {
  printTable(
    ['area', 'figure', 'value', 'least', 'greatest', 'unit', 'bar', 'holds'],
    figures.map(({ area, name, value, unit, bar, holds, spread: [least, greatest] }) => [
      area,
      name,
      value.toFixed(3),
      least.toFixed(3),
      greatest.toFixed(3),
      unit,
      bar === null ? '' : `≤ ${bar}`,
      bar === null ? '' : holds ? 'yes' : 'NO',
    ]),
    [2, 3, 4],
  );
}
