import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { benchAreas } from '../../experiments/bench/areas.ts';
import { type ComparedFigure, compareFigures } from '../../experiments/bench/compare-figures.ts';
import { type BenchContext, type BenchFigure, benchFiguresParser } from '../../experiments/bench/figure.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { examples, numberBetween, shippedModelsFolder } from '../options.ts';
import { requirePlaceFor } from '../out-file.ts';
import { changePolicy, untilConfigured, untilServing } from '../platform/admin-client.ts';
import { profilesStayMs, startPlatform } from '../platform/platform.ts';
import { printJson, printTable } from './print.ts';
import { readInput } from './read-input.ts';

interface BenchCommandOptions {
  only?: string[];
  json?: boolean;
  compare?: string;
  out?: string;
  minutes: number;
}

/** The first start profiles the model on both sides, one after the other. */
const profilingTimeoutMs = 600_000;

/** `edgent bench`: measures, and says which bars hold. */
export function benchCommand(inherited: Record<string, string | undefined>): Command {
  return new Command('bench')
    .addOption(new Option('--only <area...>', 'these areas alone').choices(benchAreas.map(({ name }) => name)))
    .option('--json', 'print an array of {name, value, unit, bar, holds}')
    .option('--compare <file>', 'an earlier run’s --json: exit code 1 where a figure is worse beyond the spreads')
    .option('--out <folder>', 'where pictures and data go, of the areas that have some')
    .option('--minutes <n>', 'for the plans of the area bound, which are thinned out to fit', numberBetween(1, 600), 15)
    .addHelpText(
      'after',
      examples(
        'npm run bench',
        'npm run bench --silent -- --only overhead --json > before.json',
        'npm run bench -- --only overhead --compare before.json',
        'npm run bench -- --only bound --out bound',
      ),
    )
    .action((options: BenchCommandOptions) => run(options, inherited));
}

async function run(options: BenchCommandOptions, inherited: Record<string, string | undefined>): Promise<void> {
  const { only, json, compare } = options;
  // Before anything is measured: a mistyped name would cost an hour.
  const before = compare === undefined ? undefined : await readInput(compare, benchFiguresParser);
  const context = await contextOf(options, inherited);
  const figures: BenchFigure[] = [];
  for (const area of benchAreas) {
    if (only === undefined || only.includes(area.name)) figures.push(...(await area.run(context)));
  }
  if (json === true) printJson(figures);
  else printFigures(figures);
  const compared = before === undefined ? [] : compareFigures(before, figures);
  if (before !== undefined) (json === true ? warnOfWorse : printComparison)(compared);
  const isWorse = compared.some(({ verdict }) => verdict === 'worse');
  if (isWorse || figures.some(({ holds }) => !holds)) process.exitCode = 1;
}

async function contextOf(
  { out, minutes }: BenchCommandOptions,
  inherited: Record<string, string | undefined>,
): Promise<BenchContext> {
  const folder = out === undefined ? undefined : resolve(out);
  // The folder must be there: a mistyped path is not to become a new one.
  if (folder !== undefined) await requirePlaceFor(join(folder, 'figures'));
  return {
    progress: (text) => void process.stderr.write(`${text}\n`),
    keep: async (file, content) => {
      if (folder !== undefined) await writeFile(join(folder, file), content);
    },
    budgetMs: minutes * 60_000,
    startPlatform: platformStarter(inherited),
  };
}

function platformStarter(inherited: Record<string, string | undefined>): BenchContext['startPlatform'] {
  return async (stateFolder, place) => {
    const platform = await startPlatform({
      stateFolder,
      modelsFolder: shippedModelsFolder,
      httpPort: 0,
      mqttPort: 0,
      workers: 1,
      driftPersistMs: profilesStayMs,
      logLevel: 'warn',
      inherited,
      log: createLog('bench', 'warn'),
      ...(place === undefined ? {} : { place }),
    });
    const { httpUrl, adminToken } = platform;
    const patience = { timeoutMs: profilingTimeoutMs, signal: new AbortController().signal };
    return {
      ...platform,
      changePolicy: (change) => changePolicy(httpUrl, adminToken, change),
      untilConfigured: (device) => untilConfigured(platform, [device], patience),
      untilServing: (worker) => untilServing(platform, worker, patience),
      pid: (name) => platform.process(name)?.pid(),
    };
  };
}

function printFigures(figures: readonly BenchFigure[]): void {
  printTable(
    ['area', 'figure', 'value', 'least', 'greatest', 'unit', 'bar', 'holds'],
    figures.map(({ area, name, note, value, unit, bar, better, holds, spread: [least, greatest] }) => [
      area,
      note === undefined ? name : `${name} (${note})`,
      value.toFixed(3),
      least.toFixed(3),
      greatest.toFixed(3),
      unit,
      bar === null ? '' : `${better === 'more' ? '≥' : '≤'} ${Number(bar.toFixed(3))}`,
      bar === null ? '' : holds ? 'yes' : 'NO',
    ]),
    [2, 3, 4],
  );
}

function printComparison(compared: readonly ComparedFigure[]): void {
  printTable(
    ['area', 'figure', 'before', 'now', 'unit', 'ratio', 'verdict'],
    compared.map(({ area, name, before, now, unit, ratio, verdict }) => [
      area,
      name,
      before.toFixed(3),
      now.toFixed(3),
      unit,
      ratio === null ? '' : ratio.toFixed(3),
      verdict === 'worse' ? 'WORSE' : verdict,
    ]),
    [2, 3, 5],
  );
}

/** Standard output belongs to the figures then. */
function warnOfWorse(compared: readonly ComparedFigure[]): void {
  for (const { area, name, before, now, unit, verdict } of compared) {
    if (verdict === 'worse') process.stderr.write(`worse: ${area}, ${name}: ${before} → ${now} ${unit}\n`);
  }
}
