import { Command, InvalidArgumentError } from 'commander';
import { encodings } from '../../shared/protocol/tensor-encoding.ts';
import { wireEncodings } from '../../shared/protocol/wire-encoding.ts';
import { dataOption, findData } from '../data-folder.ts';
import { examples, listOf, numberBetween, plan } from '../options.ts';
import type { RunReport } from '../start/report.ts';
import { runStart, type StartOptions } from '../start/run-start.ts';
import { printJson, printLine, printTable } from './print.ts';

/** `edgent start`: the whole platform and emulated devices on this machine. */
export function startCommand(inherited: Record<string, string | undefined>): Command {
  return new Command('start')
    .option('--devices <n>', 'how many devices', numberBetween(1, 64, 'integer'), 4)
    .option('--duration <s>', 'stop after so many seconds; 0: on Ctrl-C', numberBetween(0, 86_400), 0)
    .option('--deadline <ms>', 'deadline of every frame', numberBetween(1, 600_000), 200)
    .option('--model <name>', 'model package', 'branchy-alexnet-32')
    .option('--images <path>', 'CIFAR-10 records or a folder of PNG/JPEG; without it frames are drawn')
    .addOption(dataOption())
    .option('--trace <file...>', 'bandwidth logs for the links (Belgian 4G/LTE or the Oboe table)')
    .option('--trace-scale <f>', 'multiply the rates of the traces', numberBetween(1e-6, 1e6), 1)
    .option('--rtt <ms>', 'round trip added to each link', numberBetween(0, 10_000), 4)
    .option('--fps <n>', 'frames a second of each device', numberBetween(0.01, 1000), 5)
    .option('--processor-factors <list>', 'how many times slower each device is made to run', factors, [10, 20, 35, 50])
    .option('--encodings <names>', 'how inputs and cuts may travel', listOf(wireEncodings), [...encodings])
    .option('--plan <exit,partition[,encoding[,direction]]>', 'force one plan on all devices', plan)
    .option(
      '--early-exit <loss>',
      'end frames where an exit on the way is sure, for so much accuracy',
      numberBetween(0, 1),
    )
    .option('--state <folder>', 'keeps profiles and credentials between runs', '.edgent/start')
    .option('--verbose', 'show the logs of all processes', false)
    .option('--json', 'print one JSON object when it ends')
    .addHelpText(
      'after',
      examples(
        'npm start',
        'npm start -- --duration 30 --images ../shared/data/cifar10/test-1000.bin',
        'npm start -- --model branchy-alexnet-128 --processor-factors 20,50 --trace LOG --trace-scale 0.2',
        'npm start -- --model branchy-alexnet-128 --images ../shared/data/cifar10/test-1000.bin --early-exit 0.005',
        'npm start -- --model branchy-alexnet-128 --encodings f32,f16,u8,jpeg,webp',
        'npm start --silent -- --duration 30 --json > report.json',
      ),
    )
    .action(async (options: StartOptions & { data: string; json?: boolean }) => {
      const report = await runStart({ ...found(options), inherited }, process.stderr);
      if (options.json === true) printJson(report);
      else printReport(report);
    });
}

/** Images and traces may lie in the data folder. */
function found(options: StartOptions & { data: string }): StartOptions {
  const { images, trace, data } = options;
  return {
    ...options,
    ...(images === undefined ? {} : { images: findData('--images', images, data) }),
    ...(trace === undefined ? {} : { trace: trace.map((file) => findData('--trace', file, data)) }),
  };
}

function factors(text: string): number[] {
  const list = text.split(',').map(Number);
  if (list.every((factor) => factor >= 1 && factor <= 1000)) return list;
  throw new InvalidArgumentError('Expected numbers from 1 to 1000, separated by commas.');
}

function printReport(report: RunReport): void {
  const share = (count: number): string => `${((100 * count) / Math.max(1, report.frames)).toFixed(1)} %`;
  printLine(
    `${report.frames} frames in ${report.durationS} s: ${report.met} met their deadline (${share(report.met)}), ` +
      `${report.finishedOnWorker} finished on the worker (${share(report.finishedOnWorker)}), ${report.fallbacks} fell back; ` +
      `${report.skipped} slots skipped, ${report.failed} frames failed`,
  );
  const { asked, answered } = report.earlyExits;
  if (asked > 0) {
    printLine(
      `early exits: asked of ${asked} frames (${share(asked)}), sure and ended there ${answered} (${share(answered)})`,
    );
  }
  const { p50, p95, p99 } = report.latencyMs;
  printLine(`latency ms: p50 ${p50.toFixed(1)}, p95 ${p95.toFixed(1)}, p99 ${p99.toFixed(1)}`);
  if (report.accuracy !== null) printLine(`accuracy: ${(100 * report.accuracy).toFixed(1)} %`);
  printTable(
    ['exit', 'partition', 'direction', 'encoding', 'frames'],
    report.plans.map((plan) => [plan.exit, String(plan.partition), plan.direction, plan.encoding, String(plan.frames)]),
    [1, 4],
  );
}
